"""Diagnose Istio's sidecars in profiles, who may use which SCC, and what user namespaces need."""

from collections.abc import Iterator
from typing import Final

from webhook.doctor.installation import CONFIGURE, Diagnosis
from webhook.doctor.state import State
from webhook.objects.model import Object, lookup, mapping, sequence
from webhook.offline.check import PROFILE_LABELS, Cluster
from webhook.scc.defaults import SCCS
from webhook.scc.grants import EVERYTHING, OF_SCC
from webhook.settings.model import Settings
from webhook.workloads.user_namespace import RULE, V3

INJECTED: Final = {"istio-injection": "enabled"}
NAMED: Final = ("metadata", "name")
HANDLERS: Final = ("status", "runtimeHandlers")
LABELS: Final = ("metadata", "labels")
USERS: Final = ("runAsUser",)
NAMES: Final = 5  # of nodes, in a sentence
EVERYONE: Final = ("system:authenticated", "system:serviceaccounts")
BIND: Final = f"oc create clusterrolebinding {V3} --clusterrole={OF_SCC}{V3} --group={EVERYONE[0]}"


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


def user_namespaces(state: State, cluster: Cluster, settings: Settings) -> Iterator[Diagnosis]:
    """If rule `user-namespace` is on, check that restricted-v3 admits its pods and that nodes can run them."""
    if not settings.enables(RULE, default=False):
        return
    scc = next((each for each in state.objects["SecurityContextConstraints"] if lookup(each, NAMED) == V3), None)
    usable = V3 in set().union(*(cluster.grants.granted.get(who, ()) for who in EVERYONE))
    linux = [each for each in state.objects["nodes"] if mapping(each, LABELS).get("kubernetes.io/os") != "windows"]
    lacking, count = [str(lookup(each, NAMED)) for each in linux if not _maps_users(each)], len(linux)
    nodes = f"{count - len(lacking)} of {count} nodes report user namespaces"
    rejected = f"OpenShift rejects the pods that rule {RULE} changes"
    says, command = f"every account may use SCC {V3}; {nodes}", None
    if scc is None:
        says, command = f"SCC {V3} does not exist (OpenShift has it since 4.20), so {rejected}", CONFIGURE
    elif mapping(scc, USERS) != SCCS[V3]["runAsUser"]:
        says, command = f"SCC {V3} has not the users 1000 to 65534, as in early 4.20, so {rejected}", CONFIGURE
    elif not usable:
        says, command = f"not every account may use SCC {V3}, so {rejected}", BIND
    elif lacking or not count:
        where = f" on {', '.join(lacking[:NAMES])}{' and others' * (len(lacking) > NAMES)}" if lacking else ""
        says, command = f"{nodes}: the pods that rule {RULE} changes stay in ContainerCreating{where}", CONFIGURE
    yield Diagnosis("user namespaces", says, command)


def _maps_users(node: Object) -> bool:
    """Check whether a node's runtime has user namespaces for a pod without a RuntimeClass, as the kubelet does."""
    default = [each for each in sequence(node, HANDLERS) if not each.get("name")]
    return any(lookup(each, ("features", "userNamespaces")) is True for each in default)


def grants(cluster: Cluster) -> dict[str, list[str]]:
    """Return the SCCs beyond everyone's, by account or group; without the platform's."""
    return {
        who: sorted(names)
        for who, names in sorted(cluster.grants.granted.items())
        if ("/" in who or who.startswith("system:serviceaccounts:"))
        and not who.removeprefix("system:serviceaccounts:").startswith(("openshift-", "kube-"))
        and names != {EVERYTHING}
    }
