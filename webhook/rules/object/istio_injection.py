"""Drop the label that injects Istio's sidecar from profile namespaces.

OpenShift: The injected `istio-init` needs root and NET_ADMIN, which no restricted SCC grants. In a namespace with the
label SCC rejects every notebook and pipeline pod. The profile controller sets the label only when it creates the
namespace.

Fields:
    metadata.labels[istio-injection]
    metadata.labels[istio.io/rev]

Upstream:
    https://github.com/kubeflow/kubeflow/issues/4566
    https://github.com/istio/istio/issues/42082

Limits:
    Without sidecars Istio does not enforce the AuthorizationPolicies of the namespace; the response always warns.
    Namespaces that no Profile owns keep the label (option `namespaces`: profiles, all, none). On clusters with Istio
    CNI set `none`. Any other value of istio-injection stays, and with it istio.io/rev.
"""

from collections.abc import Iterator

from webhook.objects.model import REMOVED, Change, Object, mapping, sequence
from webhook.rules.registry import object_rule
from webhook.settings.model import Settings

WARNING = "no Istio sidecars in this namespace: its AuthorizationPolicies are not enforced"


@object_rule(
    "Namespace",
    labels=("istio-injection", "istio.io/rev"),
    options={"namespaces": ("profiles", "all", "none")},
)
def istio_injection(namespace: Object, settings: Settings) -> Iterator[Change]:
    """Drop `istio-injection: enabled` and `istio.io/rev`."""
    chosen = settings.option("istio-injection", "namespaces", "profiles")
    labels = mapping(namespace, ("metadata", "labels"))
    injection = labels.get("istio-injection")
    if injection not in ("enabled", None) or chosen == "none" or (chosen == "profiles" and not _of_profile(namespace)):
        return
    for label in ("istio-injection", "istio.io/rev"):
        if isinstance(labels.get(label), str):
            yield Change(("metadata", "labels", label), REMOVED, "Istio's init container needs root", WARNING)


def _of_profile(namespace: Object) -> bool:
    owners = sequence(namespace, ("metadata", "ownerReferences"))
    return any(
        owner.get("kind") == "Profile" and str(owner.get("apiVersion")).startswith("kubeflow.org/") for owner in owners
    )
