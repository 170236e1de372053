"""The tests, the rig, the demo, and what generates files."""
