"""What needs no cluster: check, explain, fix and their reports."""
