"""YAML text in and out."""
