"""A model of OpenShift's SCC admission: which SCC admits a pod, as what, and why the others do not. Pure functions."""
