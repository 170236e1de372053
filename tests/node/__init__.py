"""What runs on a node, beyond what is admitted."""
