"""Who a pod runs as, and whether that stays: one decision for the whole pod, read by every identity rule.

A foreign ID is a UID or GID that OpenShift did not allocate. Either every foreign ID that must be dropped is dropped,
or all stay: in a pod that SCC rejects whatever its IDs, that runs with them, or that was granted more. In a pod that
gets a user namespace the users stay, and an fsGroup that `restricted-v3` rejects goes. The model in webhook/scc says
what SCC rejects. It is asked only about pods with a foreign ID, or with a user to name.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar, cast

from webhook.objects.model import REMOVED, Change, Object, Pointer, UnknownShape, deep_copy, lookup
from webhook.scc.admission import DEFAULTS, REQUIRED_SCC, against, smallest
from webhook.scc.assignment import assign
from webhook.scc.defaults import RESTRICTED
from webhook.scc.ranges import Ranges
from webhook.scc.refusal import shortened
from webhook.workloads.allocation import LARGEST_ID, first, ids, outside, proxies, ranges, second, with_the_proxys_user
from webhook.workloads.pod import IDS, LISTS, PodView
from webhook.workloads.privilege import PRIVILEGE, unneeded
from webhook.workloads.user_namespace import IDS_OF_V3, NO_USER, RULE, V3, admitted, first_to_admit, users_to_name

Answer = TypeVar("Answer")
INJECTED: Final = "sidecar.istio.io/status"
"""Annotation that Istio sets when it injects its sidecar into a Pod, or `istioctl kube-inject` into a template."""
APART: Final = "this template keeps the IDs that the workflow gives it; the other templates lose them"
MOST_REASONS: Final = 100
"""Rejections of one SCC that are read. Each of 3,000 containers may have several."""


class Identity(NamedTuple):
    """What becomes of a pod's IDs."""

    foreign: bool
    """Whether the pod has a foreign ID."""
    going: frozenset[Pointer]
    """The IDs to drop: all of a pod, or none."""
    non_root: frozenset[Pointer]
    """The security contexts that get `runAsNonRoot: true`, so that no container becomes root."""
    apart: tuple[Pointer, ...] = ()
    """The templates that keep their IDs. They get a copy of the shared security context before it loses its IDs."""
    users: dict[Pointer, int] | None = None
    """The users to name in the user namespace that the pod gets; None if it gets none."""


NOTHING: Final = Identity(foreign=False, going=frozenset(), non_root=frozenset())


def identity(pod: PodView) -> Identity:
    """Return what becomes of a pod's IDs. The pod as it was sent decides, once."""
    if "identity" not in pod.decided:
        pod.decided["identity"] = _decide(pod.sent or pod)
    return cast("Identity", pod.decided["identity"])


def dropped(pod: PodView, at: Pointer, because: str, warning: str = "") -> Iterator[Change]:
    """Yield the removal of an ID that is dropped, if it is still there; another rule may have replaced it.

    Before a workflow loses an ID, templates that keep it get a copy of what they inherit.
    """
    of_pod = identity(pod)
    if at in of_pod.going and outside(pod, lookup(pod.object, at)):
        shared, context = (pod.sent or pod).security_context()
        for part in of_pod.apart if at[:-1] == shared else ():
            if lookup(pod.object, (*part, pod.shape.context)) is None:
                yield Change((*part, pod.shape.context), deep_copy(context), APART)
        yield Change(at, REMOVED, because, warning)


def left(pod: PodView) -> dict[Pointer, tuple[str, ...]]:
    """Return the pods that keep their IDs, each with the reasons why SCC rejects it.

    A pod has no reasons if it is exempt, requires or has a granted SCC, or runs Windows.
    """
    if "left" not in pod.decided:
        sent = pod.sent or pod
        reasons = {part: _why_left(sent, part) for part in sent.parts()}
        found = {part: why for part, why in reasons.items() if why is not None}
        if not found and any(left(other) for other in sent.joined()):
            found = {sent.at: ()}
        if found and (defaults := (*sent.at, "templateDefaults")) in reasons:
            found.setdefault(defaults, ())  # a template that is left has them
        pod.decided["left"] = found
    return cast("dict[Pointer, tuple[str, ...]]", pod.decided["left"])


def any_left(pod: PodView) -> bool:
    """Check whether a pod keeps its IDs, or shares its security context with one that does."""
    return any(part not in identity(pod).apart for part in left(pod))


def warnings(pod: PodView) -> Iterator[str]:
    """Yield a warning for each pod that keeps foreign IDs: why, and the least privileged SCC that admits it."""
    sent = pod.sent or pod
    everyone = (*sent.settings.everyone, *((V3,) if sent.settings.enables(RULE, default=False) else ()))
    if scc := _attempt(sent.at, partial(first_to_admit, sent)):
        yield NO_USER.format(scc)
    for part, reasons in islice(left(sent).items(), 10) if identity(pod).foreign else ():
        if reasons:
            scc = _attempt(part, partial(smallest, sent.made(part), ranges(sent)))
            if scc not in everyone:
                account = sent.account(part)[:60]
                end = f"; service account {account} needs an SCC like {scc}" if scc else ""
                yield shortened("left as it is: ", reasons, end)


def completed(pod: PodView) -> list[Object]:
    """Return each container's security context as the Pod's SCC assigns it; empty if the SCC rejects the Pod."""
    sent, of_pod = pod.sent or pod, identity(pod)
    if sent.scc not in RESTRICTED or (of_pod.foreign and not of_pod.going):
        return []
    made, start, another = sent.made(sent.at), first(sent), second(sent)
    of_istio, at = with_the_proxys_user(sent), sent.security_context()[0]
    _edit(made["spec"]["securityContext"], at, of_pod)
    contexts = [container["securityContext"] for group in LISTS for container in made["spec"].get(group, ())]
    for container, context in zip(sent.containers(), contexts, strict=True):
        group = context.get("runAsGroup")
        _edit(context, container.context_at, of_pod)
        if another and container.at in of_istio and "runAsUser" not in context:
            context["runAsUser"] = another
            if group != 0 and outside(sent, group):
                context["runAsGroup"] = another
    done, refused = _attempt(sent.at, partial(assign, DEFAULTS[sent.scc], ranges(sent), made))
    if refused:
        return []
    given: list[Object] = [container["securityContext"] for group in LISTS for container in done["spec"].get(group, ())]
    for context, after in zip(contexts, given, strict=True):
        if start is None and "runAsUser" not in context:
            after.pop("runAsUser", None)  # SCC knows it, and nothing in the Pod tells
    return given


def _decide(pod: PodView) -> Identity:
    found, users = _foreign(pod), users_to_name(pod)
    if not (found or users):
        return NOTHING
    stay, shared = left(pod), pod.security_context()[0]
    odd = any(type(value) is not int or not 0 <= value <= LARGEST_ID for _, value in ids(pod))
    apart = tuple(stay) if any(part is None for _, part in found) else ()
    merged = bool(apart) and lookup(pod.object, (*pod.at, "templateDefaults")) is not None  # into what a template says
    if odd or merged or len(stay) == len(pod.parts()):
        return NOTHING._replace(foreign=bool(found))
    if users is not None:
        above = [at for at, _ in found if at[:-1] == shared and at[-1] != "runAsGroup"]
        outside_v3 = frozenset(at for at in above if lookup(pod.object, at) not in IDS_OF_V3)
        if _attempt(pod.at, partial(admitted, pod, users, outside_v3)):
            return NOTHING._replace(foreign=bool(found), going=outside_v3, users=users)
    going = frozenset(at for at, part in found if part not in stay)
    return Identity(bool(found), going, frozenset(_non_root(pod, going, shared)), apart)


def _foreign(pod: PodView) -> list[tuple[Pointer, Pointer | None]]:
    """Return the IDs to drop, each with its part; None if parts share it."""
    settings, (at, context) = pod.settings, pod.security_context()
    users = settings.enables("run-as-user", default=True)
    found: list[tuple[Pointer, Pointer | None]] = []
    if outside(pod, context.get("fsGroup")) and settings.enables("fs-group", default=True):
        found.append(((*at, "fsGroup"), None))
    if goes := users and outside(pod, context.get("runAsUser")):
        found.append(((*at, "runAsUser"), None))
    groups = users and settings.enables("run-as-group", default=True)
    pods_user_stays = context.get("runAsUser") is not None and not goes
    inheriting: set[Pointer] = set()  # pods that keep their user and have the pod's group
    of_containers = users or (pod.scc in RESTRICTED and settings.enables("sidecar-security-context", default=True))
    for container in pod.containers():
        user, group = container.context.get("runAsUser"), container.context.get("runAsGroup")
        if user_goes := of_containers and outside(pod, user):
            found.append(((*container.context_at, "runAsUser"), container.part))
        user_stays = pods_user_stays if user is None else not user_goes
        if group is None and user_stays:
            inheriting.add(container.part)
        elif groups and not user_stays and group != 0 and outside(pod, group):
            found.append(((*container.context_at, "runAsGroup"), container.part))
    group = context.get("runAsGroup")
    goes = groups and not pods_user_stays and group != 0 and outside(pod, group)
    if goes and (not inheriting or inheriting <= left(pod).keys()):
        found.append(((*at, "runAsGroup"), None))
    return found


def _non_root(pod: PodView, going: frozenset[Pointer], at: Pointer) -> Iterator[Pointer]:
    """Yield the security contexts that need `runAsNonRoot: true` because their UID is dropped."""
    context = pod.security_context()[1]
    pods_user, non_root = context.get("runAsUser"), context.get("runAsNonRoot") is True
    pods_user_goes = (*at, "runAsUser") in going and pods_user != 0
    if pods_user_goes and not non_root:
        non_root = True
        yield at
    for container in pod.containers():
        own, says = container.context.get("runAsUser"), container.context.get("runAsNonRoot")
        own_goes = (*container.context_at, "runAsUser") in going and own != 0
        loses_user = pods_user_goes if own is None else own_goes
        if loses_user and says is not True and not (says is None and non_root):
            yield container.context_at


def _why_left(pod: PodView, part: Pointer) -> tuple[str, ...] | None:
    """Return why a pod keeps its IDs; None if the rules may help it."""
    granted = bool(pod.scc) and pod.scc not in RESTRICTED
    required = pod.annotations(part).get(REQUIRED_SCC)
    elsewhere = required and required not in (*pod.settings.everyone, pod.scc)
    if granted or elsewhere or pod.exempt(part) or lookup(pod.object, (*part, "os", "name")) == "windows":
        return ()
    if lookup(pod.object, (*part, "hostUsers")) is False:
        return ("hostUsers: no UID of a namespace's range exists in a user namespace",)
    if reasons := beyond_help(pod, part):
        return reasons
    injected = pod.scc or INJECTED in pod.annotations(part)
    users = [each.context.get("runAsUser") for each in proxies(pod)] if injected else []
    if any(user is None or outside(pod, user) for user in users):
        given = pod.scc and pod.settings.enables("sidecar-security-context", default=True) and second(pod)
        return None if given else ("istio-proxy: nothing tells a UID of the namespace that no other container has",)
    return None


def beyond_help(pod: PodView, part: Pointer) -> tuple[str, ...]:
    """Return why SCC rejects a pod whatever its IDs, in OpenShift's words; empty if it does not."""
    required = pod.annotations(part).get(REQUIRED_SCC)
    sccs: Sequence[Any] = (pod.scc,) if pod.scc else (required,) if required else pod.settings.everyone
    made, known = pod.made(part, ids=False), ranges(pod)
    if unneeded(pod):
        context = made["spec"]["containers"][0]["securityContext"]
        made["spec"]["containers"][0]["securityContext"] = {k: context[k] for k in context.keys() - PRIVILEGE}
    found = [_attempt(part, partial(_first_of, made, scc, known)) for scc in sccs if scc in DEFAULTS]
    return found[0] if found and all(found) else ()


def _first_of(made: Object, scc: str, known: Ranges) -> tuple[str, ...]:
    return tuple(islice(against(made, scc, known), MOST_REASONS))


def _attempt(at: Pointer, ask: Callable[[], Answer]) -> Answer:
    """Return the answer of the SCC model. Raises UnknownShape if the pod is malformed."""
    try:
        return ask()
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UnknownShape(at, "what a pod spec is") from None


def _edit(context: Object, at: Pointer, of_pod: Identity) -> None:
    for key in IDS:
        if (*at, key) in of_pod.going:
            context.pop(key)
    if at in of_pod.non_root:
        context["runAsNonRoot"] = True
