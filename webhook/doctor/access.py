"""Diagnose Istio's sidecars in profiles, and who may use which SCC."""

from collections.abc import Iterator
from typing import Final

from webhook.doctor.installation import CONFIGURE, Diagnosis
from webhook.doctor.state import State
from webhook.objects.model import mapping
from webhook.offline.check import PROFILE_LABELS, Cluster
from webhook.scc.grants import EVERYTHING
from webhook.settings.model import Settings

INJECTED: Final = {"istio-injection": "enabled"}
EVERYONE: Final = ("system:authenticated", "system:serviceaccounts")


def istio(state: State) -> Iterator[Diagnosis]:
    """Say which profiles get sidecars, and whether SCC admits these."""
    labels = {each["metadata"]["name"]: mapping(each, ("metadata", "labels")) for each in state.objects["namespaces"]}
    profiles = {name: each for name, each in labels.items() if PROFILE_LABELS.items() <= each.items()}
    injected = [name for name, each in profiles.items() if INJECTED.items() <= each.items() or "istio.io/rev" in each]
    cni = "runs" if state.objects["cni"] else "is absent"
    says = f"{len(injected)} of {len(profiles)} profiles get sidecars; Istio's CNI plugin {cni}"
    if injected and not state.objects["cni"]:
        says += ". SCC rejects istio-init there; install the plugin, or remove the label"
        yield Diagnosis("istio", says, f"oc label namespace {' '.join(injected)} istio-injection- istio.io/rev-")
        return
    if len(injected) < len(profiles):
        says += ". AuthorizationPolicies protect nothing in the others"
    yield Diagnosis("istio", says)


def everyone(state: State, cluster: Cluster, settings: Settings) -> Iterator[Diagnosis]:
    """Compare the setting `everyone` with the restricted SCCs that every account may use."""
    if not state.objects["SecurityContextConstraints"]:
        yield Diagnosis("everyone", "this cluster has no SCCs: it is not OpenShift")
        return
    granted = set().union(*(cluster.grants.granted.get(who, ()) for who in EVERYONE))
    wrong = set(settings.everyone) - granted | {"restricted"} & granted - set(settings.everyone)
    says = f"every account may use {', '.join(sorted(granted)) or 'no SCC'}, and the setting everyone is "
    yield Diagnosis("everyone", f"{says}{', '.join(settings.everyone)}", CONFIGURE if wrong else None)


def grants(cluster: Cluster) -> dict[str, list[str]]:
    """Return the SCCs beyond everyone's, by account or group; without the platform's."""
    return {
        who: sorted(names)
        for who, names in sorted(cluster.grants.granted.items())
        if ("/" in who or who.startswith("system:serviceaccounts:"))
        and not who.removeprefix("system:serviceaccounts:").startswith(("openshift-", "kube-"))
        and names != {EVERYTHING}
    }
