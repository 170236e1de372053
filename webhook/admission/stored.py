"""A pod of an update compared with the stored one: what OpenShift may have admitted stays.

Readiness shows nothing: a crash loop, too, runs under a grant. A changed template replaces what runs, and another
identity may not read its volumes. So doubt means that it stays.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from webhook.objects import patch
from webhook.objects.model import Change, Object, Pointer, Request, counterpart_at, lookup, mapping, sequence
from webhook.scc.admission import REQUIRED_SCC
from webhook.scc.defaults import RESTRICTED
from webhook.settings.model import Settings
from webhook.workloads import rejected
from webhook.workloads.allocation import ids, outside
from webhook.workloads.identity import identity, left
from webhook.workloads.kinds import KINDS
from webhook.workloads.pod import PodView, expand
from webhook.workloads.user_namespace import in_one


class Shown(NamedTuple):
    """What the stored object of an update shows of its pods. Read once, because a status may be long."""

    running: Object | None = None
    """The stored object, if its pods may run under a grant."""
    rejected: bool = False
    """Whether OpenShift rejects its pods, for any reason."""
    doubted: bool = False
    """Whether the status reports no pod, for kinds whose status tells little."""


def shown(request: Request, settings: Settings) -> Shown:
    """Return what the stored object shows. Raises UnknownShape."""
    old, facts = request.old or {}, KINDS[request.kind]
    if request.operation != "UPDATE":
        return Shown()
    rejects = bool(facts.rejected and rejected.observed(old) and facts.rejected(old))
    granted = rejected.usable(old) - {*RESTRICTED, *settings.everyone}
    reports = any(lookup(old, at) for path in facts.seen or () for at in expand(old, (), path))
    return Shown(request.old if granted or not rejects else None, rejects, facts.seen is not None and not reports)


def stays(pod: PodView, request: Request) -> bool:
    """Check whether a pod stays as written: the update does not change it, or its IDs may have been granted.

    One decision for the whole pod: where one of its stored IDs needs a grant, the new ones may have it, too.
    """
    old, at = request.old or {}, counterpart_at(request.object, request.old, pod.at)
    if request.operation != "UPDATE" or not pod.template:
        return False
    if any(_foreign(other) and stays(other, request) for other in pod.joined()):
        return True
    if at is None or not mapping(old, at) or (in_one(old, at) and not in_one(request.object, pod.at)):
        return False  # what restricted-v3 admitted in a user namespace was not granted
    if pod.running is not None and lookup(old, at) == lookup(request.object, pod.at):
        return True
    now, before = _foreign(pod), PodView(old, at, pod.shape, pod.settings, namespace=request.namespace)
    judged = pod.running is None and _may_use(pod) == _may_use(before)  # what another account may use nobody asked
    if not now or (judged and not left(before)):
        return False  # it has none, or OpenShift rejects the stored ones and nothing else
    stored = _foreign(before)
    return any(field != "runAsGroup" for field, _ in stored) or now <= stored  # SCC admits any primary group


def _may_use(pod: PodView) -> tuple[str, Any]:
    """Return what decides which SCCs are asked of a pod: its account, and the SCC that it requires."""
    return pod.account(pod.at), pod.annotations(pod.at).get(REQUIRED_SCC)


def admissible(request: Request, changes: list[Change]) -> list[Change]:
    """Return the changes that the API server accepts: immutable fields change only back to what is stored."""
    if request.operation != "UPDATE":
        return changes
    if request.subresource == "ephemeralcontainers":
        return [change for change in changes if _of_new_ephemeral_container(request, change)]
    fixed = [change for change in changes if immutable(request, change.at)]
    return changes if all(patch.restores_stored_value(change, request.old) for change in fixed) else []


def _of_new_ephemeral_container(request: Request, change: Change) -> bool:
    if "ephemeralContainers" not in change.at:
        return False
    depth = change.at.index("ephemeralContainers") + 1
    known = [container.get("name") for container in sequence(request.old, change.at[:depth])]
    return lookup(request.object, (*change.at[: depth + 1], "name")) not in known


def immutable(request: Request, at: Pointer) -> bool:
    """Check whether a field is immutable on this update."""
    facts, objects = KINDS[request.kind], (request.object, request.old)
    name, stored_name = (lookup(obj, tuple(facts.named.split("."))) for obj in objects)
    if request.operation != "UPDATE" or request.subresource or (facts.named and not (name and name == stored_name)):
        return False
    paths = [tuple(path.split(".")) for path in facts.immutable]
    return any(at[: len(path)] == path for path in paths)


def advice(pod: PodView, request: Request, of_stored: Shown, *, kept: bool) -> Iterator[str]:
    """Yield advice about a pod of an update that may not start."""
    rejects = of_stored.rejected and lookup(request.old, pod.at) == lookup(request.object, pod.at)
    if kept and (of_stored.doubted or rejects) and _foreign(pod) and not left(pod):
        yield "left as it is stored: if OpenShift rejects its pods, delete it and create it again"
    if _root_that_is_none(pod) and (kept or not identity(pod).going):
        yield "run-as-user: runAsNonRoot: true beside UID 0 keeps the pod from starting; set runAsNonRoot: false"


def _foreign(pod: PodView) -> set[tuple[str, Any]]:
    """Return the foreign IDs of a pod, each with its field. Group 0 is never foreign."""
    return {(field, value) for field, value in ids(pod) if outside(pod, value)} - {("runAsGroup", 0)}


def _root_that_is_none(pod: PodView) -> bool:
    """Check whether a container has UID 0 and `runAsNonRoot: true`, of its own or of the pod's."""
    _, inherited = pod.security_context()
    both = [{**inherited, **{k: v for k, v in each.context.items() if v is not None}} for each in pod.containers()]
    return any(each.get("runAsUser") == 0 and each.get("runAsNonRoot") is True for each in both)
