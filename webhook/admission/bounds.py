"""Bounds on what one object may cost to rewrite, so that no tenant delays another.

Counted, not timed, so that the same bytes give the same answer on every machine. `python -m tests.properties worst`
searches for the most expensive object that stays within these bounds.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from itertools import islice
from typing import Any, Final

from webhook.objects.model import Change, Object, Operation, Pointer, Request, UnknownShape, lookup, mapping
from webhook.workloads.kinds import KINDS, kind_of
from webhook.workloads.pod import Shape, expand, names

LONGEST_ANNOTATION: Final = 1024  # characters that count of the annotation; all rules together have 250
MOST_PLACES: Final = 1000  # pods and containers of an object; upstream's largest has 60
MOST_CHANGES: Final = 10_000  # of an object
MOST_SHARED: Final = 100_000  # values that templates share, once for each of them; upstream's largest has 204
SHARED: Final = ("volumes", "podMetadata", "securityContext", "templateDefaults")
MOST_TEXT: Final = 2**21  # characters of a patch: a long key stands in the path of each change below it
LONG_TEXT: Final = 16  # characters of a text that count as a value


class TooExpensive(Exception):
    """The object is too expensive to rewrite; the message says what it has too many of."""


def refuse_size(request: Request) -> None:
    """Raise TooExpensive if the new or stored object has too many pods or containers, or they share too much."""
    for obj in (request.object or {}, request.old or {}):
        if _places(obj, request.kind) > MOST_PLACES:
            raise TooExpensive(f"the object has more than {MOST_PLACES:,} pods and containers")
        with suppress(UnknownShape):  # the rules meet it too, and say so
            for at, shape in _sharing(obj, request.kind):
                parts = sum(1 for path in shape.parts for _ in expand(obj, at, path))
                if parts and _weight([lookup(obj, (*at, key)) for key in SHARED], MOST_SHARED // parts) is None:
                    raise TooExpensive("what its templates share is too much for so many")


def _weight(value: Any, most: int) -> int | None:
    """Return the number of values in a value, long strings counted as several; None if there are more than `most`."""
    weight, left = 0, [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            left += each
        weight += 1 + (len(each) // LONG_TEXT if isinstance(each, str) else 0)
        if weight > most:
            return None
    return weight


def written(operation: Operation, before: int) -> int:
    """Return the characters of a patch with one more operation. Raises TooExpensive for more than MOST_TEXT."""
    value = operation.get("value")
    text = before + len(operation["path"]) + (len(json.dumps(value)) if isinstance(value, (dict, list, str)) else 4)
    if text > MOST_TEXT:
        raise TooExpensive(f"the object needs a patch of more than {MOST_TEXT:,} characters")
    return text


def few(changes: Iterable[Change], made: int) -> list[Change]:
    """Return changes as a list. Raises TooExpensive if they and those already made exceed MOST_CHANGES."""
    found = list(islice(changes, MOST_CHANGES - made + 1))
    if len(found) + made > MOST_CHANGES:
        raise TooExpensive(f"the object needs more than {MOST_CHANGES:,} changes")
    return found


def _sharing(obj: Object, kind: str, at: Pointer = ()) -> Iterator[tuple[Pointer, Shape]]:
    """Yield the pointer and shape of each pod spec that parts share."""
    facts = KINDS.get(kind)
    if facts and facts.shape.parts:
        yield from ((spec_at, facts.shape) for path in facts.pods for spec_at in expand(obj, at, path))
    for path in facts.objects if facts else ():
        for inner_at in expand(obj, at, path):
            inner = mapping(obj, inner_at)
            yield from _sharing(obj, kind_of(inner.get("apiVersion"), inner.get("kind")), inner_at)


def _places(obj: Any, kind: str) -> int:
    """Return the number of pods, parts and containers; stop when there are too many."""
    if kind not in KINDS:
        return 0
    found = 0
    for way in _ways(kind):
        found += _count(obj, way)
        if found > MOST_PLACES:
            return found
    for path in KINDS[kind].objects:
        inner = lookup(obj, names(path))
        found += _places(inner, kind_of(lookup(inner, ("apiVersion",)), lookup(inner, ("kind",))))
    return found


@cache
def _ways(kind: str) -> list[tuple[str, ...]]:
    """Return the paths of all pods, parts and containers of a kind."""
    facts, found = KINDS[kind], []
    for path, shape in (*((path, facts.shape) for path in facts.pods), *facts.others):
        inner = (*shape.containers, *(f"{part}.{each}" for part in shape.parts for each in shape.containers))
        found += [path, *(f"{path}.{below}" for below in (*shape.parts, *inner))]
    return [*map(names, found)]


def _count(value: Any, way: Sequence[str]) -> int:
    """Return how many values a path has; see `expand`."""
    for index, name in enumerate(way):
        if name == "[]" and isinstance(value, dict):
            continue
        if name in ("*", "[]"):
            if not isinstance(value, (dict, list)):
                return 0
            inner, rest = value.values() if isinstance(value, dict) else value, way[index + 1 :]
            return sum(_count(each, rest) for each in inner) if rest else len(inner)
        value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            return 0
    return 1
