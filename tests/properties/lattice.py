"""The privilege lattice: whether an object that leaves is at most as privileged as the one that came in.

For every security field of a pod an order says which way is less; a field that no rule names must be equal; what is
neither is a declared exception (`lattice_exceptions`). Shares no code with the webhook, so that it can judge it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import yaml

from tests.properties.lattice_differences import ABSENT, Difference, differences
from tests.properties.lattice_exceptions import DECLARED, Declared
from tests.properties.lattice_places import Object, Pointer, Scope, found, said_by_templates, scopes

Order = Callable[[Any, Any], bool]


def ranked(*steps: tuple[Any, ...]) -> Order:
    """Make an order of a field's values, the least privileged first; a value it does not know may only become that."""
    ranks = {json.dumps(value): rank for rank, values in enumerate(steps) for value in values}

    def order(before: Any, after: Any) -> bool:
        came, leaves = ranks.get(json.dumps(before)), ranks.get(json.dumps(after))
        return leaves is not None and (leaves == 0 or (came is not None and leaves <= came))

    return order


def fixed(_before: Any, _after: Any) -> bool:
    return False


def dropped(_before: Any, after: Any) -> bool:
    return after is None


def id_dropped(before: Any, after: Any) -> bool:
    return after is None and type(before) is int and 0 <= before < 2**31


def fewer(before: Any, after: Any) -> bool:
    return isinstance(before, list) and isinstance(after, list | None) and all(item in before for item in after or ())


def more(before: Any, after: Any) -> bool:
    known = isinstance(before, list | None) and isinstance(after, list)
    return known and ("ALL" in after or all(item in after for item in before or ()))


def profile(before: Any, after: Any) -> bool:
    """Order seccomp's and AppArmor's profiles: the runtime's own, or one on the node, then none, then unconfined."""
    ranks = {None: 1, "RuntimeDefault": 0, "Unconfined": 2, "Localhost": 0}
    came, leaves = (ranks.get(found(value, ("type",)) if value else None, 3) for value in (before, after))
    return leaves <= came and found(after, ("type",)) != "Localhost"


FLAG: Final = ranked((False, None), (True,))
DANGER: Final = ranked((False,), (None,), (True,))
SHIELD: Final = ranked((True,), (False, None))
BOTH: Final[dict[str, Order]] = {  # in a pod's security context and in a container's
    "runAsUser": id_dropped,
    "runAsGroup": id_dropped,
    "runAsNonRoot": ranked((True,), (None,), (False,)),
    "seccompProfile": profile,
    "appArmorProfile": profile,
    "seLinuxOptions": dropped,
    "windowsOptions": dropped,
    "windowsOptions.hostProcess": FLAG,
}
POD: Final[dict[str, Order]] = {
    **dict.fromkeys(("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"), FLAG),
    "hostUsers": ranked((False,), (None, True)),
    "automountServiceAccountToken": ranked((False,), (None, True)),
    **dict.fromkeys(("serviceAccountName", "serviceAccount", "volumes", "nodeSelector", "tolerations"), fixed),
    **dict.fromkeys(("affinity", "priorityClassName", "runtimeClassName", "schedulerName"), fixed),
    **dict.fromkeys(("containers", "initContainers", "ephemeralContainers"), fixed),
}
POD_CONTEXT: Final[dict[str, Order]] = {
    **BOTH,
    "fsGroup": id_dropped,
    "supplementalGroups": fewer,
    "supplementalGroupsPolicy": ranked(("Strict",), ("Merge", None)),
    "sysctls": fewer,
}
CONTAINER: Final[dict[str, Order]] = {
    **dict.fromkeys(("image", "command", "args", "env", "envFrom", "lifecycle", "resources", "name"), fixed),
    **dict.fromkeys(("volumeMounts", "volumeDevices", "ports", "workingDir"), fixed),
}
CONTAINER_CONTEXT: Final[dict[str, Order]] = {
    **BOTH,
    "privileged": DANGER,
    "allowPrivilegeEscalation": DANGER,
    "capabilities.add": fewer,
    "capabilities.drop": more,
    "procMount": ranked(("Default", None), ("Unmasked",)),
    "readOnlyRootFilesystem": SHIELD,
}
NAMED: Final = {  # what rules change, each to less: every other field must be equal
    "pod": {"hostUsers"},
    "pod context": {"runAsUser", "runAsGroup", "runAsNonRoot", "fsGroup"},
    "container context": {"runAsUser", "runAsGroup", "runAsNonRoot", "privileged", "allowPrivilegeEscalation",
                          "capabilities.drop"},
}  # fmt: skip


def breaches(kind: str, before: Object, after: Object, declared: Sequence[Declared] = DECLARED) -> list[str]:
    """Say what is wider in an object that leaves than in the one that came, and what changed that no rule names."""
    if before == after and json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True):
        return []
    before, after = _opened(kind, before, after), _opened(kind, after, before)
    before = said_by_templates(kind, before, after)
    pods, wrong, excepted = list(scopes(kind, before)), [], set()
    for at, came, leaves in differences(before, after):
        scope = max((pod for pod in pods if at[: len(pod.spec)] == pod.spec), key=lambda p: len(p.spec), default=None)
        difference = Difference(kind, before, after, at, came, leaves, scope)
        if any(each.allows(difference) for each in declared):
            excepted.add(at)
        elif problem := _problem(difference):
            wrong.append(f"/{'/'.join(map(str, at))}: {problem}")
    for pod in pods:
        wrong += _effective(before, after, pod, excepted)
    return wrong


def _problem(difference: Difference) -> str:
    area, start = _area(difference)
    table = {"pod": POD, "pod context": POD_CONTEXT, "container": CONTAINER, "container context": CONTAINER_CONTEXT}
    rest = difference.at[len(start) :]
    longest_first = (rest[:2], rest[:1])
    field = next((part for part in longest_first if ".".join(map(str, part)) in table.get(area, ())), None)
    if field is None:
        return "no rule names this field"
    name = ".".join(map(str, field))
    came, leaves = (found(obj, (*start, *field)) for obj in (difference.old, difference.new))
    if not table[area][name](came, leaves) or difference.after is None:
        return f"{name} is wider than it came"
    return "" if name in NAMED.get(area, ()) else "no rule names this field"


def _area(difference: Difference) -> tuple[str, Pointer]:
    """Tell in which part of a pod a difference lies, and where that part begins."""
    scope, at = difference.scope, difference.at
    if scope is None:
        return "", ()
    parts = [("pod", scope.spec), ("pod context", scope.context)]
    parts += [
        part for own, context in scope.containers for part in (("container", own), ("container context", context))
    ]
    around = [(area, start) for area, start in parts if at[: len(start)] == start and len(at) > len(start)]
    return max(around, key=lambda part: len(part[1]), default=("", ()))


def _effective(before: Object, after: Object, pod: Scope, excepted: set[Pointer]) -> Iterator[str]:
    """Yield where a container ends with more than it had, of what it has itself or else from its pod."""
    rank = {True: 0, None: 1, False: 2}
    for own, context in pod.containers or ((pod.spec, pod.context),):
        (user, group, non_root), (user_after, group_after, non_root_after) = (
            [_either(obj, context, pod.context, field) for field in ("runAsUser", "runAsGroup", "runAsNonRoot")]
            for obj in (before, after)
        )
        where = f"/{'/'.join(map(str, own))}"
        inherits = user_after != 0 and user_after == found(before, (*pod.context, "runAsUser"))
        assigned = (*context, "runAsUser") in excepted
        if user_after is not None and user_after != user and not (inherits or assigned):
            yield f"{where}: its user becomes another"
        if type(user) is int and user != 0 and user_after is None and non_root_after is not True:
            yield f"{where}: it was not root and may become it"
        if _flags(non_root, non_root_after) and rank[non_root_after] > rank[non_root]:
            yield f"{where}: it may be root now"
        known = (group, found(before, (*pod.context, "runAsGroup")))
        if group_after is not None and group_after not in known and (*context, "runAsGroup") not in excepted:
            yield f"{where}: its group becomes another"
        if group is not None and group_after is None and user_after is not None and user_after == user:
            yield f"{where}: it lost the group of a user that stays"


def _either(obj: Object, context: Pointer, pod_context: Pointer, field: str) -> Any:
    own = found(obj, (*context, field))
    return found(obj, (*pod_context, field)) if own is None else own


def _flags(*values: Any) -> bool:
    return all(isinstance(value, bool | None) for value in values)


def _opened(kind: str, obj: Object, other: Object) -> Object:
    """Read the YAML strings in Argo's ConfigMap, where they differ, so that their meaning can be compared."""
    data = obj.get("data")
    if kind != "ConfigMap" or not isinstance(data, dict):
        return obj
    opened = {key: _read(text) for key, text in data.items() if text != found(other, ("data", key))}
    return {**obj, "data": {**data, **opened}}


def _read(text: Any) -> Any:
    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, AttributeError):
        return text
    return read if isinstance(read, dict) else text


__all__ = ["ABSENT", "DECLARED", "breaches"]
