"""The programs that render manifests, kustomize and Helm 3 and 4, from Go modules."""

import pathlib
from typing import Final

from tests.rig.build import Module

RENDERERS: Final = Module(
    pathlib.Path(__file__).resolve().parent,
    {
        "kustomize": "sigs.k8s.io/kustomize/kustomize/v5",
        "helm3": "helm.sh/helm/v3/cmd/helm",
        "helm4": "helm.sh/helm/v4/cmd/helm",
    },
)
