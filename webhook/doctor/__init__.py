"""A running cluster, only read: is the webhook installed well, and which workloads are rejected."""
