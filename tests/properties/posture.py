"""Ask two strangers whether a pod template leaves more privileged than it came. Needs the rig.

PodSecurity, in the rig's API server, gives the level of a pod; OpenShift's own SCC code says who admits it and as what.
The level that leaves must be at least as strict, every SCC that admitted must still admit, and under each of them the
pod may run as no more.
"""

import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.progress import track

from tests.properties import random_objects, random_pods
from tests.rig.cluster import Cluster, running
from tests.rig.oracle import ask
from tests.support.evidence import Measured
from tests.support.installed import namespace
from webhook.admission import engine
from webhook.objects.model import Object, Request
from webhook.scc import ranges
from webhook.scc.defaults import SCCS
from webhook.settings.model import Settings

IDENTITY = ("runAsUser", "runAsGroup", "fsGroup", "supplementalGroups")
LEVELS = ("restricted", "baseline")
"""PodSecurity's, the strictest first; what neither admits is privileged."""
NAMESPACE = {
    "name": "demo",
    "annotations": {
        ranges.UID_RANGE: f"{random_objects.FIRST}/10000",
        ranges.GROUPS: f"{random_objects.FIRST}/10000",
        ranges.LEVEL: random_objects.LEVEL,
    },
}
NOTHING = len(LEVELS) + 1
"""What the API server takes for no pod at all."""

Pair = tuple[Object, Object]
"""A pod as it came, and as it left."""


@dataclass(slots=True)
class Seen:
    """What was seen: how many pods of which level left at which, how many each SCC admits, and what must not be."""

    pairs: list[Pair] = field(default_factory=list)
    levels: Counter[str] = field(default_factory=Counter)
    admitted: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)


def pairs(seed: int) -> Iterator[Pair]:
    """Yield pods as they came and as they left, in the template of a Deployment: those that something changed."""
    dice = random.Random(seed)
    while True:
        pod = random_objects.fresh(random_pods.pod(dice, random_objects.FIRST, random_objects.LEVEL))
        for container in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())):
            random_objects.furnish(dice, container)
            container.pop("volumeMounts", None)  # of a volume that is not there: no API server takes it
        pod["spec"].pop("ephemeralContainers", None)  # a new pod has none
        if dice.random() < 0.4:
            harden(pod["spec"])
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": pod}}
        outcome = engine.evaluate(Request("Deployment.apps", "CREATE", deployment, namespace="team"), Settings())
        if outcome.operations and outcome.object:
            yield pod, outcome.object["spec"]["template"]


def harden(spec: Object) -> None:
    """Make a pod one that PodSecurity calls restricted, but for the users and groups that it has."""
    for key in ("hostNetwork", "hostPID", "hostIPC", "volumes"):
        spec.pop(key, None)
    kept = {key: value for key, value in (spec.get("securityContext") or {}).items() if key in IDENTITY}
    spec["securityContext"] = kept | {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    for container in (*spec["containers"], *spec.get("initContainers", ())):
        kept = {key: value for key, value in (container.get("securityContext") or {}).items() if key in IDENTITY}
        container["securityContext"] = kept | {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def level(cluster: Cluster, pod: Object) -> int:
    """Return how far down PodSecurity must go to admit a pod, or NOTHING."""
    name = {**pod, "apiVersion": "v1", "kind": "Pod", "metadata": {**pod["metadata"], "name": "p"}}
    for depth, enforced in enumerate(LEVELS):
        response = cluster.request("POST", f"/api/v1/namespaces/{enforced}/pods?dryRun=All", name)
        if response.status == 201:
            return depth
        if "violates PodSecurity" not in response.body.get("message", ""):
            return NOTHING
    return len(LEVELS)


def judged(pods: list[Object]) -> dict[str, list[Object]]:
    """Ask OpenShift's own code under each of its SCCs; one answer for each pod."""
    answers = ask({"namespace": NAMESPACE, "sccs": [scc], "pods": pods} for scc in SCCS.values())
    return {scc: answers[index * len(pods) : (index + 1) * len(pods)] for index, scc in enumerate(SCCS)}


def more(before: Object, after: Object) -> str:
    """Say in what a pod that SCC admitted and completed may run as more than another; or nothing."""
    for group in ("initContainers", "containers"):
        for came, leaves in zip(before["spec"].get(group) or (), after["spec"].get(group) or (), strict=True):
            user, user_after = effective(before, came, "runAsUser"), effective(after, leaves, "runAsUser")
            may_be_root = user_after == 0 or (user_after is None and not forbids_root(after, leaves))
            if may_be_root and (user not in (None, 0) or forbids_root(before, came)):
                return "it may be root now"
            (add, drop), (add_after, drop_after) = capabilities(came), capabilities(leaves)
            if not (add_after <= add and (drop_after >= drop or "ALL" in drop_after)):
                return "it has more capabilities"
            for flag in ("privileged", "allowPrivilegeEscalation"):
                if danger(leaves, flag) > danger(came, flag):
                    return f"{flag} is more than it was"
    return ""


def forbids_root(pod: Object, container: Object) -> bool:
    return effective(pod, container, "runAsNonRoot") is True


def danger(container: Object, flag: str) -> int:
    ranks: dict[Any, int] = {False: 0, None: 1, True: 2}
    return ranks[(container.get("securityContext") or {}).get(flag)]


def capabilities(container: Object) -> tuple[set[str], set[str]]:
    own = (container.get("securityContext") or {}).get("capabilities") or {}
    return set(own.get("add") or ()), set(own.get("drop") or ())


def effective(pod: Object, container: Object, field: str) -> Any:
    own = (container.get("securityContext") or {}).get(field)
    return (pod["spec"].get("securityContext") or {}).get(field) if own is None else own


def compared(cluster: Cluster, source: Iterator[Pair], wanted: int, *, quiet: bool = False) -> Seen:
    """Compare as many pods as wanted, by PodSecurity one by one, by SCC all at once."""
    for enforced in LEVELS:
        if cluster.request("GET", f"/api/v1/namespaces/{enforced}").status != 200:
            namespace(cluster, enforced, **{"pod-security.kubernetes.io/enforce": enforced})
    seen, names = Seen(), (*LEVELS, "privileged", "nothing")
    for _ in track(range(wanted), f"{wanted} pods", disable=quiet):
        pair, came = next(taken for pair in source if (taken := (pair, level(cluster, pair[0])))[1] < NOTHING)
        leaves = level(cluster, pair[1])
        seen.pairs.append(pair)
        seen.levels[f"{names[came]} to {names[leaves]}"] += 1
        if leaves > came:
            seen.disagreements.append(f"{names[came]} to {names[leaves]}: {json.dumps(pair)}")
    before, after = (judged([pair[side] for pair in seen.pairs]) for side in (0, 1))
    for scc in SCCS:
        for pair, came_as, leaves_as in zip(seen.pairs, before[scc], after[scc], strict=True):
            admitted, admits = came_as["admittedBy"] == scc, leaves_as["admittedBy"] == scc
            seen.admitted.update([f"{scc} before"] * admitted + [f"{scc} after"] * admits)
            why = more(came_as["pod"], leaves_as["pod"]) if admitted and admits else "refuses it now"
            if admitted and why:
                seen.disagreements.append(f"{scc}: {why}: {json.dumps(pair)}")
    return seen


def measure(seed: int, cases: int) -> Measured:
    """Return the figures of so many pods, and where anybody disagreed."""
    with tempfile.TemporaryDirectory() as folder, running(folder, mode="without-scc") as cluster:
        seen = compared(cluster, pairs(seed), cases)
    levels, admitted = dict(sorted(seen.levels.items())), dict(sorted(seen.admitted.items()))
    return {"disagreements": len(seen.disagreements), "levels": levels, "admitted": admitted}, seen.disagreements
