"""Upstream's own controllers on a node: what they start runs."""
