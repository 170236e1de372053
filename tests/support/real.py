"""A node for upstream's own controllers, and what ran on it: docs/evidence/real.json."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.rig import cluster
from tests.rig.node import images
from tests.rig.node.node import Node, running
from tests.support import evidence

STARTED: Final = time.time()


@dataclass(frozen=True, slots=True)
class Ran:
    """One workload: what started it, as which user it ran, what shows it, what became of it without."""

    row: str
    what: str
    by: str
    uid: str
    shown: str
    without: str
    seconds: float
    test: str
    date: str


SEEN: list[Ran] = []


def keep() -> None:
    """Write what this run saw into the evidence, in the place of what the same tests saw before."""
    if SEEN:
        file = evidence.FOLDER / "real.json"
        before = json.loads(file.read_text())["figures"]["ran"] if file.exists() else []
        mine = {ran.test for ran in SEEN}
        rows = [*(ran for ran in before if ran["test"] not in mine), *map(asdict, SEEN)]
        rows.sort(key=lambda ran: (ran["row"], ran["what"]))
        evidence.write("real", "make test-real", STARTED, {"ran": rows})


@contextmanager
def started(directory: Path) -> Iterator[Node]:
    """Start a cluster with a node that knows the cluster's names, and has nothing but the base and project image."""
    with cluster.running(directory) as control_plane, running(control_plane, dns=True) as node:
        node.load(images.base(), images.project())
        yield node
