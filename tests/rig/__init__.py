"""OpenShift's control-plane admission on loopback."""
