"""Rules that see a whole object."""
