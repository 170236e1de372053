"""Rules that see one pod template at a time."""
