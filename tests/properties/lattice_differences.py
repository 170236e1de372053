"""What differs between two JSON values, in the smallest parts that can be judged alone."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.properties.lattice_places import Object, Pointer, Scope

ABSENT: Final = type("Absent", (), {"__repr__": lambda _self: "(absent)"})()


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: where, what was there, what is there now, and the objects and the pod that it is in."""

    kind: str
    old: Object
    new: Object
    at: Pointer
    before: Any
    after: Any
    scope: Scope | None


def differences(before: Any, after: Any, at: Pointer = ()) -> Iterator[tuple[Pointer, Any, Any]]:
    """Yield each difference; 1, 1.0 and true differ, and so do null and absent.

    Maps are compared key by key, also where one comes or goes whole. A list with maps or lists is compared item by item
    where items only came behind it; any other list counts as one value.
    """
    nothing_before, nothing_after = before is ABSENT or before is None, after is ABSENT
    if isinstance(after, dict) and (isinstance(before, dict) or (nothing_before and after)):
        yield from _maps({} if nothing_before else before, after, at)
    elif isinstance(before, dict) and before and nothing_after:
        yield from _maps(before, {}, at)
    elif isinstance(after, list) and after and _only_appended([] if nothing_before else before, after):
        came = [] if nothing_before else before
        for index, item in enumerate(after):
            yield from (
                differences(came[index], item, (*at, index))
                if index < len(came)
                else iter([((*at, index), ABSENT, item)])
            )
    elif before is ABSENT or after is ABSENT or not equal(before, after):
        yield at, before, after


def equal(left: Any, right: Any) -> bool:
    """Check whether two JSON values are the same, down to the type of a number."""
    return json.dumps(left, sort_keys=True, default=str) == json.dumps(right, sort_keys=True, default=str)


def _maps(before: Object, after: Object, at: Pointer) -> Iterator[tuple[Pointer, Any, Any]]:
    for key in {**before, **after}:
        left, right = before.get(key, ABSENT), after.get(key, ABSENT)
        if left is not right:
            yield from differences(left, right, (*at, key))


def _only_appended(before: Any, after: list[Any]) -> bool:
    maps = isinstance(before, list) and any(isinstance(item, dict | list) for item in after)
    return maps and len(before) <= len(after)
