"""Creations at a steady rate, as dry runs, and what became of them."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.rig.cluster import Cluster
from tests.support.as_installed import fs_group_of_a_dry_run

PER_SECOND = 20


@dataclass
class Created:
    """What became of each creation: when it was sent, in seconds since the first, and how long it took."""

    began: float = field(default_factory=time.monotonic)
    seconds: list[float] = field(default_factory=list)
    refused: list[tuple[float, str]] = field(default_factory=list)
    missed: int = 0

    def send(self, cluster: Cluster) -> None:
        """Create once."""
        sent = time.monotonic()
        group = fs_group_of_a_dry_run(cluster)
        self.seconds.append(time.monotonic() - sent)
        if isinstance(group, str):
            self.refused.append((round(sent - self.began, 2), group))
        self.missed += group == 100

    def outage(self) -> float:
        """Return the seconds from the first refused creation to the last."""
        sent = [when for when, _ in self.refused]
        return round(max(sent) - min(sent), 2) if sent else 0.0

    def __str__(self) -> str:
        """Say it on one line, and then why each was refused."""
        ranked = sorted(self.seconds)
        times = f"median {ranked[len(ranked) // 2] * 1000:.0f} ms, longest {ranked[-1] * 1000:.0f} ms"
        line = f"{len(ranked)} creations, {len(self.refused)} refused, {self.missed} missed; {times}"
        return "\n".join([line, *(f"after {when} s: {why}" for when, why in self.refused)])


@contextmanager
def creating(cluster: Cluster, after: float = 2) -> Iterator[Created]:
    """Create until the block ends and some seconds more."""
    created, stop = Created(), threading.Event()

    def schedule() -> None:
        with ThreadPoolExecutor(8) as clients:
            for number in range(1_000_000):
                if stop.wait(max(0.0, created.began + number / PER_SECOND - time.monotonic())):
                    return
                clients.submit(created.send, cluster)

    thread = threading.Thread(target=schedule)
    thread.start()
    try:
        yield created
        time.sleep(after)
    finally:
        stop.set()
        thread.join()
