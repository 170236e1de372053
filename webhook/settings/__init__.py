"""What may be configured, and the file."""
