"""OpenShift's verdict on a pod: the first SCC in its order that has no refusal."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from webhook.model import Object
from webhook.scc.assignment import assign
from webhook.scc.defaults import Scc, with_defaults
from webhook.scc.order import ordered
from webhook.scc.ranges import Ranges

REQUIRED_SCC: Final = "openshift.io/required-scc"
ADMITTED_BY: Final = "openshift.io/scc"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who admits a pod, as what, and what every SCC holds against it."""

    admitted_by: str | None
    refusals: dict[str, list[str]]
    pod: Object | None


def judge(pod: Object, sccs: Iterable[Scc], ranges: Ranges) -> Verdict:
    """Judge a pod under the SCCs that its service account may use; Windows pods are for the caller to leave alone."""
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
