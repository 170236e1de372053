"""Turn a Change into JSON Patch operations, and apply them. The only module that imports jsonpatch."""

from collections.abc import Sequence
from typing import Any

import jsonpatch

from webhook.objects.model import HOLDERS, REMOVED, Change, Object, Operation, Pointer, deep_copy, lookup, pointer


class DoesNotApply(ValueError):
    """An operation does not apply to the object."""


def operations(change: Change, obj: Object) -> list[Operation]:
    """Return the JSON Patch operation for a change; none if the object already has the value.

    Maps that are missing on the way are added with the value, in the same operation; so is a missing list when its
    first item is added. An index that is the length of a list appends to it.
    Raises DoesNotApply where something on the way is neither a map nor absent.
    """
    if not change.at:
        raise DoesNotApply("no rule may change the whole object")
    removes = change.value is REMOVED
    holder: Any = obj
    *way, last = change.at
    for depth, part in enumerate(way, start=1):
        inner = holder.get(part) if isinstance(holder, dict) else _item(holder, part, change.at[:depth])
        if inner is None:
            if removes:
                return []
            value = _nested(change.at[depth:], change.value)
            return [{"op": _add_or_replace(holder, part), "path": pointer(change.at[:depth]), "value": value}]
        if not isinstance(inner, HOLDERS):
            raise DoesNotApply(f"{pointer(change.at[:depth])} holds neither a map nor a list")
        holder = inner
    if isinstance(holder, list) and not (last == len(holder) and not removes):
        _item(holder, last, change.at)
    if removes:
        exists = isinstance(holder, list) or last in holder
        return [{"op": "remove", "path": pointer(change.at)}] if exists else []
    op = _add_or_replace(holder, last)
    if op == "replace" and json_equal(holder[last], change.value):
        return []
    return [{"op": op, "path": pointer(change.at), "value": deep_copy(change.value)}]


def inverse(operation: Operation, at: Pointer, before: Any) -> Operation:
    """Return the operation that undoes one. `at` is the pointer of its change, `before` the value there before."""
    path, op = operation["path"], operation["op"]
    if op == "add" and before is None:
        return {"op": "remove", "path": path}
    nulled = path.count("/") < len(at)  # where a map was missing on the way
    return {"op": "add" if op == "remove" else "replace", "path": path, "value": None if nulled else before}


def _item(items: list[Any], index: str | int, at: Pointer) -> Any:
    if not isinstance(index, int) or not 0 <= index < len(items):
        raise DoesNotApply(f"nothing is at {pointer(at)}")
    return items[index]


def _add_or_replace(holder: Any, part: str | int) -> str:
    exists = part in holder if isinstance(holder, dict) else isinstance(part, int) and part < len(holder)
    return "replace" if exists else "add"


def _nested(rest: Pointer, value: Any) -> Any:
    for part in reversed(rest):
        value = [value] if part == 0 else {part: value}
    return deep_copy(value)


def next_item(obj: Object, at: Pointer) -> Any:
    """Return the list item that moves up when one is removed; None for the last item or a map's key."""
    return lookup(obj, (*at[:-1], at[-1] + 1)) if isinstance(at[-1], int) else None


def json_equal(left: Any, right: Any) -> bool:
    """Check whether two JSON values are equal. Unlike in Python, 1, 1.0 and true differ."""
    if left is right:  # objects that differ by a patch share what it leaves alone
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(map(json_equal, left.values(), map(right.__getitem__, left)))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    return type(left) is type(right) and bool(left == right)


def _opened(obj: Object, way: Sequence[str | int]) -> tuple[Object, Any]:
    """Return a copy of an object along a path, and the value at its end or where it ends early."""
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


def applied(obj: Object, operation: Operation, own: dict[int, Any]) -> Object:
    """Return an object with one operation applied, as `apply` does, but ten times faster. Raises DoesNotApply.

    Maps and lists on the way are copied once: `own` has the copies by their id, and later operations change those.
    """
    op, (key, *way) = operation["op"], operation["path"].split("/")
    if "~" in operation["path"]:
        way = [part.replace("~1", "/").replace("~0", "~") for part in way]
    top: Object = {"": obj}
    holder: Any = top if way else None
    try:
        for part in way:
            inner = holder[key]
            if id(inner) not in own:
                holder[key] = inner = inner.copy()
                own[id(inner)] = inner
            holder = inner
            key = part if isinstance(inner, dict) else range(len(inner) + 1).index(int(part))
        if op != "add":
            _ = holder[key]  # raises where nothing is
        if op == "remove":
            del holder[key]
        elif op == "add" and isinstance(holder, list):
            holder.insert(key, operation["value"])
        else:
            holder[key] = operation["value"]
    except (LookupError, TypeError, ValueError, AttributeError):
        raise DoesNotApply(f"nothing is at {operation['path']}") from None
    patched: Object = top[""]
    return patched


def restores_stored_value(change: Change, old: Object | None) -> bool:
    """Check whether a change restores the stored value."""
    return json_equal(lookup(old, change.at), None if change.value is REMOVED else change.value)
