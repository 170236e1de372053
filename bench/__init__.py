"""What we claim, measured: each module is a command that writes its figures to docs/evidence."""
