"""What needs OpenShift's admission: the rig builds and starts it."""
