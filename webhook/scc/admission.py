"""Decide which SCC admits a pod: the first in OpenShift's order that does not reject it."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from webhook.objects.model import Object
from webhook.scc.assignment import assign, assigned, refusals
from webhook.scc.defaults import SCCS, Scc, with_defaults
from webhook.scc.order import ordered
from webhook.scc.ranges import Ranges

REQUIRED_SCC: Final = "openshift.io/required-scc"
ADMITTED_BY: Final = "openshift.io/scc"
DEFAULTS: Final = {name: with_defaults(scc) for name, scc in SCCS.items()}
"""OpenShift's default SCCs, as the API stores them."""
BY_RESTRICTION: Final = [scc["metadata"]["name"] for scc in ordered({**s, "priority": 0} for s in DEFAULTS.values())]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The SCC that admits a pod, the reasons of each SCC that rejects it, and the admitted pod."""

    admitted_by: str | None
    refusals: dict[str, list[str]]
    pod: Object | None


def judge(pod: Object, sccs: Iterable[Scc], ranges: Ranges) -> Verdict:
    """Return the verdict of the SCCs that the pod's service account may use. Windows pods must not be passed."""
    required = ((pod.get("metadata") or {}).get("annotations") or {}).get(REQUIRED_SCC, "")
    refusals = {required: ["not usable by user or serviceaccount"]} if required else {}
    admitted_by, admitted = None, None
    for scc in ordered(map(with_defaults, sccs)):
        name = scc["metadata"]["name"]
        if required in ("", name):
            assigned, refusals[name] = assign(scc, ranges, pod)
            if not refusals[name] and admitted_by is None:
                admitted_by, admitted = name, assigned
                admitted["metadata"].setdefault("annotations", {})[ADMITTED_BY] = name
    return Verdict(admitted_by, refusals, admitted)


def against(pod: Object, scc: str, ranges: Ranges) -> Iterator[str]:
    """Yield why a default SCC rejects a pod, in OpenShift's words. Lazy: the caller may stop early."""
    return refusals(DEFAULTS[scc], ranges, assigned(DEFAULTS[scc], ranges, pod))


def smallest(pod: Object, ranges: Ranges, among: Container[str] = DEFAULTS) -> str | None:
    """Return the most restrictive default SCC that admits a pod, of those that the cluster has; None if none does."""
    required = ((pod.get("metadata") or {}).get("annotations") or {}).get(REQUIRED_SCC, "")
    possible = [name for name in BY_RESTRICTION if name in among and required in ("", name)]
    return next((name for name in possible if next(against(pod, name, ranges), None) is None), None)
