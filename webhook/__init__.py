"""A mutating admission webhook that makes unmodified Kubeflow manifests run under OpenShift's SCCs."""

VERSION = "0.2.0"
HOMEPAGE = "https://github.com/kubeflow-openshift/kubeflow-openshift"
"""The project's URL in pyproject.toml; an installed command links to its pages."""
