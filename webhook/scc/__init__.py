"""OpenShift's SCC admission as a model: which SCC admits a pod, as what, and why the others do not."""
