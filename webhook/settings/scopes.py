"""The namespaces whose objects the API server sends to the webhook."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from webhook.objects.model import Object
from webhook.settings.model import COMPONENTS

NAMESPACE: Final = "kubeflow-openshift"
"""The webhook's own namespace. Its Service has the same name."""

OPT_IN_LABEL: Final = "kubeflow-openshift"
"""The label with which any other namespace opts in: `kubeflow-openshift=enabled`."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Some of Kubeflow's namespaces, selected by label or by name."""

    name: str
    key: str
    values: tuple[str, ...]

    def chosen(self) -> Object:
        """Return the label requirement that these namespaces meet."""
        return {"key": self.key, "operator": "In", "values": list(self.values)}

    def others(self) -> Object:
        """Return the label requirement that all other namespaces meet."""
        return {"key": self.key, "operator": "NotIn", "values": list(self.values)}

    def has(self, namespace: str, labels: Mapping[str, object]) -> bool:
        """Check whether a namespace with these labels is one of them."""
        return {"kubernetes.io/metadata.name": namespace, **labels}.get(self.key) in self.values


SCOPES: Final = (
    Scope("components", "kubernetes.io/metadata.name", COMPONENTS),
    Scope("opted-in", OPT_IN_LABEL, ("enabled",)),
    Scope("profiles", "app.kubernetes.io/part-of", ("kubeflow-profile",)),
)
"""All requirements of one selector must hold, so each scope is an entry of its own."""

SCOPES_0_7: Final = (*SCOPES[:2], Scope("profiles", "katib-metricscollector-injection", ("enabled",)))
"""The label that Kubeflow 0.7 puts on profiles."""


def platform(namespace: str) -> bool:
    """Check whether a namespace is the platform's or the webhook's own, which no label opts in."""
    return namespace == NAMESPACE or namespace.startswith(("openshift-", "kube-"))


def sends(namespace: str, labels: Mapping[str, object]) -> bool:
    """Check whether the API server sends the objects of a namespace with these labels."""
    return not platform(namespace) and any(scope.has(namespace, labels) for scope in SCOPES)
