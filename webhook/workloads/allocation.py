"""What a pod shows of the IDs that OpenShift allocated: its foreign IDs and its namespace's range."""

from collections.abc import Iterator
from typing import Any, Final

from webhook.objects.model import Pointer, lookup
from webhook.scc.ranges import Ranges
from webhook.workloads.pod import IDS, Container, PodView

LARGEST_ID: Final = 2**31 - 1  # the API server refuses larger ones
BLOCK: Final = 10_000  # IDs that OpenShift gives a namespace by default
LEVEL: Final = "the namespace's own"
PROXIES: Final = ("istio-proxy", "istio-validation")
"""Containers whose UID must not be the application's: Istio's CNI plugin redirects no traffic of that UID."""


def ids(pod: PodView) -> Iterator[tuple[str, Any]]:
    """Yield every ID of a pod with the name of its field."""
    for context in (pod.security_context()[1], *(container.context for container in pod.containers())):
        yield from ((key, context[key]) for key in IDS if context.get(key) is not None)


def outside(pod: PodView, value: Any) -> bool:
    """Check whether a value is a foreign ID."""
    return type(value) is int and 0 <= value <= LARGEST_ID and not pod.settings.allocates(value)


def ranges(pod: PodView) -> Ranges:
    """Return the namespace's ranges if a Pod shows them, else all IDs that OpenShift allocates."""
    if "ranges" in pod.decided:
        found: Ranges = pod.decided["ranges"]
        return found
    (_, context), last = pod.security_context(), pod.settings.allocated[-1]
    start = (pod.scc and first(pod)) or pod.settings.allocated[0]
    group = context.get("fsGroup")
    groups = group if type(group) is int and pod.settings.allocates(group) else start
    level = lookup(context, ("seLinuxOptions", "level")) if pod.scc else None
    pod.decided["ranges"] = Ranges((start, last), ((groups, last),), level or LEVEL)
    return ranges(pod)


def first(pod: PodView) -> int | None:
    """Return the first UID of a Pod's namespace, which SCC sets as fsGroup and as UID; None if nothing shows it."""
    allocated = [(key, value) for key, value in ids(pod) if type(value) is int and pod.settings.allocates(value)]
    groups, users = ([value for key, value in allocated if key == of] for of in ("fsGroup", "runAsUser"))
    least = min(users, default=None)
    if groups and (least is None or groups[0] <= least < groups[0] + BLOCK):
        return groups[0]
    return least


def second(pod: PodView) -> int | None:
    """Return the first free UID after the namespace's first; None if the Pod does not show the range."""
    start = first(pod)
    users = {value for key, value in ids(pod) if key == "runAsUser" and type(value) is int}
    if start is None:
        return None
    uid = next(uid for uid in range(start + 1, start + 2 + len(users)) if uid not in users)
    return uid if pod.settings.allocates(uid) else None


def proxies(pod: PodView) -> list[Container]:
    """Return Istio's containers, if the pod also has an application's."""
    found = [container for container in pod.containers() if container.value.get("name") in PROXIES]
    return found if len(found) < len(pod.containers()) else []


def with_the_proxys_user(pod: PodView) -> set[Pointer]:
    """Return Istio's containers and those that were given the same foreign UID.

    KServe gives it to its storage-initializer, which runs before there is a proxy to redirect its traffic to.
    """
    of_istio = proxies(pod)
    users = {user for each in of_istio if outside(pod, user := each.context.get("runAsUser"))}
    alike = (each for each in pod.containers() if each.context.get("runAsUser") in users)
    return {each.at for each in (*of_istio, *alike)}
