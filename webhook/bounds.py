"""What the rewriting of one object may cost at most: whatever a tenant writes, others do not wait for it.

Counted, not timed, so that the same bytes give the same answer on every machine. `python -m bench.worst` searches for
the most expensive object that stays within these bounds.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from webhook.model import Change, Object, Pointer, Request, UnknownShape, mapping
from webhook.pod import expand
from webhook.workload import KINDS, Kind, kind_of

LONGEST_ANNOTATION: Final = 1024  # characters that count of the annotation; all rules together have 250
MOST_PLACES: Final = 1000  # pods and containers of an object; upstream's largest has 60
MOST_CHANGES: Final = 10_000  # of an object


class TooExpensive(Exception):
    """To rewrite the object would cost more than a review may; the message says what it has too many of."""


def refuse_size(request: Request) -> None:
    """Raise TooExpensive where the object, new or stored, has more pods and containers than MOST_PLACES."""
    for obj in (request.object, request.old):
        with suppress(UnknownShape):  # the rules meet it too, and say so
            if sum(1 for _ in islice(_places(obj or {}, request.kind), MOST_PLACES + 1)) > MOST_PLACES:
                raise TooExpensive(f"the object has more than {MOST_PLACES:,} pods and containers")


def few(changes: Iterable[Change], made: int) -> list[Change]:
    """Return changes as a list. Raises TooExpensive where they and those made already are more than MOST_CHANGES."""
    found = list(islice(changes, MOST_CHANGES - made + 1))
    if len(found) + made > MOST_CHANGES:
        raise TooExpensive(f"the object needs more than {MOST_CHANGES:,} changes")
    return found


def _places(obj: Object, kind: str, at: Pointer = ()) -> Iterator[Pointer]:
    """Yield where each pod, part of a pod and container is."""
    facts = KINDS.get(kind, Kind(""))
    parts, containers = facts.shape.parts, facts.shape.containers
    listed = (*parts, *containers, *(f"{part}.{container}" for part in parts for container in containers))
    for path in facts.pods:
        for spec_at in expand(obj, at, path):
            yield spec_at
            for below in listed:
                yield from expand(obj, spec_at, below)
    for path in facts.objects:
        for inner_at in expand(obj, at, path):
            inner = mapping(obj, inner_at)
            yield from _places(obj, kind_of(inner.get("apiVersion"), inner.get("kind")), inner_at)
