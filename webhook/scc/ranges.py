"""Read the ranges that OpenShift allocates to a namespace from its annotations."""

import re
from dataclasses import dataclass
from typing import Final

from webhook.objects.model import BadInput, Object, mapping

UID_RANGE: Final = "openshift.io/sa.scc.uid-range"
GROUPS: Final = "openshift.io/sa.scc.supplemental-groups"
LEVEL: Final = "openshift.io/sa.scc.mcs"

Block = tuple[int, int]
"""The first and the last ID."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """A namespace's UIDs, groups and SELinux level."""

    users: Block
    groups: tuple[Block, ...]
    level: str


EXAMPLE: Final = Ranges((1_000_650_000, 1_000_659_999), ((1_000_650_000, 1_000_659_999),), "s0:c26,c5")
"""Typical ranges, for manifests whose namespace is not known."""


def parse_range(text: str) -> Block:
    """Parse `1000650000/10000` (start and size) or `1000650000-1000659999`. Raises BadInput."""
    found = re.match(r"(\d+)([/-])(\d+)", text.strip())
    if not found:
        raise BadInput(f"expected a range like 1000650000/10000, got {text}")
    first, second = int(found[1]), int(found[3])
    return (first, (first + second - 1) % 2**32) if found[2] == "/" else (first, second)


def of_namespace(namespace: Object) -> Ranges:
    """Return a Namespace's ranges. Raises BadInput if OpenShift's annotations are missing or malformed."""
    annotations = mapping(namespace, ("metadata", "annotations"))
    if missing := [key for key in (UID_RANGE, LEVEL) if not annotations.get(key)]:
        raise BadInput(f"namespace without annotation {missing[0]}")
    groups = annotations.get(GROUPS) or annotations[UID_RANGE]
    return Ranges(parse_range(annotations[UID_RANGE]), tuple(map(parse_range, groups.split(","))), annotations[LEVEL])
