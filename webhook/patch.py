"""From a Change to JSON Patch operations, and applying them: the door of jsonpatch."""

from collections.abc import Sequence
from typing import Any

import jsonpatch

from webhook.model import REMOVED, Change, Object, Operation, Pointer, copied, lookup


class DoesNotApply(ValueError):
    """An operation does not fit the object it was made for."""


def pointer(at: Pointer) -> str:
    """Write a pointer as RFC 6901 has it: `/metadata/labels/istio.io~1rev`."""
    plain = "".join([f"/{part}" for part in at])
    if "~" not in plain and plain.count("/") == len(at):
        return plain
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in at)


def operations(change: Change, obj: Object) -> list[Operation]:
    """Say in JSON Patch what a change means for an object: nothing where it is so already, else one operation.

    Maps that are missing on the way are added with the value, in the same operation; so is a list that shall get its
    first item. An index that is the length of a list appends to it.
    Raises DoesNotApply where something on the way is neither a map nor absent.
    """
    holder: Any = obj
    last = len(change.at) - 1
    for depth, part in enumerate(change.at):
        exists = part in holder if isinstance(holder, dict) else isinstance(part, int) and 0 <= part < len(holder)
        appends = isinstance(holder, list) and part == len(holder) and depth == last and change.value is not REMOVED
        if not (exists or appends or isinstance(holder, dict)):
            raise DoesNotApply(f"nothing is at {pointer(change.at[: depth + 1])}")
        if change.value is REMOVED and not exists:
            return []
        if depth == last:
            return _at_last(change, holder, part, exists=exists)
        if not exists or holder[part] is None:
            if change.value is REMOVED:
                return []
            path = pointer(change.at[: depth + 1])
            value = _nested(change.at[depth + 1 :], change.value)
            return [{"op": "replace" if exists else "add", "path": path, "value": value}]
        holder = holder[part]
        if not isinstance(holder, dict | list):
            raise DoesNotApply(f"{pointer(change.at[: depth + 1])} holds neither a map nor a list")
    raise DoesNotApply("a change of the whole object is no change a rule can answer for")


def _at_last(change: Change, holder: Any, part: str | int, *, exists: bool) -> list[Operation]:
    if change.value is REMOVED:
        return [{"op": "remove", "path": pointer(change.at)}]
    if exists and same(holder[part], change.value):
        return []
    return [{"op": "replace" if exists else "add", "path": pointer(change.at), "value": copied(change.value)}]


def _nested(rest: Pointer, value: Any) -> Any:
    for part in reversed(rest):
        value = [value] if part == 0 else {part: value}
    return copied(value)


def same(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are equal as JSON has it: 1, 1.0 and true differ, as does the order of a list."""
    if left is right:  # objects that differ by a patch share what it leaves alone
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(map(same, left.values(), map(right.__getitem__, left)))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and bool(left == right)


def perform(obj: Object, change: Change, operation: Operation) -> Object:
    """Return an object with the operation done that `operations` made of a change; what that leaves alone is shared.

    The self-check applies the whole patch with jsonpatch: what is sent is right where the two agree.
    """
    at: Any
    *way, at = change.at[: operation["path"].count("/")]  # shorter where maps on the way were missing
    done, holder = _opened(obj, way)
    if operation["op"] == "remove":
        del holder[at]
    elif operation["op"] == "add" and isinstance(holder, list):
        holder.insert(at, operation["value"])
    else:
        holder[at] = operation["value"]
    return done


def _opened(obj: Object, way: Sequence[str | int]) -> tuple[Object, Any]:
    """Copy an object where a way leads through it; return it, and what is at the end, or where the way ends."""
    holder: Any
    done = holder = obj.copy()
    for part in way:
        at: Any = int(part) if isinstance(holder, list) and str(part).isdecimal() else part
        try:
            holder[at] = holder = holder[at].copy()
        except (LookupError, TypeError, AttributeError):  # it leads nowhere; who asked will say so
            break
    return done, holder


def apply(obj: Object, patch: Sequence[Operation]) -> Object:
    """Apply operations (add, remove, replace) to an object, as the API server will. Raises DoesNotApply.

    What they leave alone the object and the result share.
    """
    patched = obj
    try:
        for operation in patch:  # one by one: JsonPatch would read each operation twice, and copy all
            made = jsonpatch.JsonPatch.operations[operation["op"]](operation)
            patched = made.apply(_opened(patched, made.pointer.parts[:-1])[0])
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise DoesNotApply(str(error)) from error
    return patched


def stored(change: Change, old: Object | None) -> bool:
    """Tell whether a change would bring an object back to what is stored there."""
    return same(lookup(old, change.at), None if change.value is REMOVED else change.value)
