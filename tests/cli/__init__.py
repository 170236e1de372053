"""The commands, from arguments to exit code."""
