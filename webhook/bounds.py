"""What the rewriting of one object may cost at most: whatever a tenant writes, others do not wait for it.

Counted, not timed, so that the same bytes give the same answer on every machine. `python -m bench.worst` searches for
the most expensive object that stays within these bounds.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from webhook.model import Change, Object, Operation, Pointer, Request, UnknownShape, lookup, mapping
from webhook.pod import Shape, expand
from webhook.workload import KINDS, Kind, kind_of

LONGEST_ANNOTATION: Final = 1024  # characters that count of the annotation; all rules together have 250
MOST_PLACES: Final = 1000  # pods and containers of an object; upstream's largest has 60
MOST_CHANGES: Final = 10_000  # of an object
MOST_SHARED: Final = 100_000  # values that templates share, once for each of them; upstream's largest has 204
SHARED: Final = ("volumes", "podMetadata", "securityContext", "templateDefaults")
MOST_TEXT: Final = 2**21  # characters of a patch: a long key stands in the path of each change below it
LONG_TEXT: Final = 16  # characters of a text that count as a value


class TooExpensive(Exception):
    """To rewrite the object would cost more than a review may; the message says what it has too many of."""


def refuse_size(request: Request) -> None:
    """Raise TooExpensive where the object, new or stored, has too many pods and containers, or they share too much."""
    for obj in (request.object or {}, request.old or {}):
        with suppress(UnknownShape):  # the rules meet it too, and say so
            if sum(1 for _ in islice(_places(obj, request.kind), MOST_PLACES + 1)) > MOST_PLACES:
                raise TooExpensive(f"the object has more than {MOST_PLACES:,} pods and containers")
            for at, shape in _specs(obj, request.kind):
                parts = sum(1 for path in shape.parts for _ in expand(obj, at, path))
                if parts and _weight([lookup(obj, (*at, key)) for key in SHARED], MOST_SHARED // parts) is None:
                    raise TooExpensive("what its templates share is too much for so many")


def _weight(value: Any, most: int) -> int | None:
    """Return how many values there are in a value, a long text counted as several; None where they are too many."""
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
    text = before + len(operation["path"]) + len(json.dumps(operation.get("value")))
    if text > MOST_TEXT:
        raise TooExpensive(f"the object needs a patch of more than {MOST_TEXT:,} characters")
    return text


def few(changes: Iterable[Change], made: int) -> list[Change]:
    """Return changes as a list. Raises TooExpensive where they and those made already are more than MOST_CHANGES."""
    found = list(islice(changes, MOST_CHANGES - made + 1))
    if len(found) + made > MOST_CHANGES:
        raise TooExpensive(f"the object needs more than {MOST_CHANGES:,} changes")
    return found


def _places(obj: Object, kind: str) -> Iterator[Pointer]:
    """Yield where each pod, part of a pod and container is."""
    for at, shape in _specs(obj, kind):
        yield at
        for path in (*shape.parts, *shape.containers, *(f"{p}.{c}" for p in shape.parts for c in shape.containers)):
            yield from expand(obj, at, path)


def _specs(obj: Object, kind: str, at: Pointer = ()) -> Iterator[tuple[Pointer, Shape]]:
    """Yield where each pod spec is, and its shape; a part of one is no other."""
    facts = KINDS.get(kind, Kind(""))
    for path, shape in (*((path, facts.shape) for path in facts.pods), *facts.others):
        yield from ((spec_at, shape) for spec_at in expand(obj, at, path))
    for path in facts.objects:
        for inner_at in expand(obj, at, path):
            inner = mapping(obj, inner_at)
            yield from _specs(obj, kind_of(inner.get("apiVersion"), inner.get("kind")), inner_at)
