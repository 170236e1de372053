"""A mutating admission webhook that makes unmodified Kubeflow manifests run under OpenShift's SCCs."""

VERSION = "0.1.0"
