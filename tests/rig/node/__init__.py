"""A node for a cluster on loopback: what OpenShift's admission lets in also runs."""
