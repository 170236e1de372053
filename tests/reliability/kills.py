"""Kill workers with SIGKILL under load. Only what a killed one had in hand may fail."""

import itertools
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import track

from tests.support.bodies import REVIEW
from tests.support.load import Sample, failed, loaded
from tests.support.metrics import counted
from tests.support.server import serving

NOTICED = 1.0  # seconds after which a client must have seen that an idle connection of its is closed


@dataclass(frozen=True, slots=True)
class Kill:
    """The death of a process: when it was killed, and when it was gone."""

    began: float
    ended: float


def kill(pid: int) -> Kill:
    """Kill a process, and wait until the kernel has ended it."""
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while _lives(pid):
        time.sleep(0.001)
    return Kill(began, time.monotonic())


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def in_flight(sample: Sample, kills: list[Kill]) -> bool:
    """Check whether a request was in progress while a worker died."""
    return any(sample.began <= kill.ended and sample.began + sample.seconds >= kill.began for kill in kills)


def on_its_connection(sample: Sample, kills: list[Kill]) -> bool:
    """Check whether a request was sent on a dead worker's connection, before its client saw that it was closed."""
    return any(sample.opened <= kill.ended < sample.began < kill.ended + NOTICED for kill in kills)


def measure(number: int) -> dict[str, Any]:
    """Kill so many workers, one after the other, each while ten clients send reviews."""
    kills = []
    with serving() as server:
        with loaded(server, [REVIEW], pause=0.05) as samples:
            for _ in track(range(number), "killing workers"):
                time.sleep(0.7)
                kills.append(kill(server.workers()[0]))
            time.sleep(1)
        time.sleep(0.2)
        metrics = [counted(server) for _ in range(4)]
    lost = failed(samples)
    flying = [sample for sample in lost if in_flight(sample, kills)]
    idle = [sample for sample in lost if sample not in flying and on_its_connection(sample, kills)]
    answered = len(samples) - len(lost)
    return {
        "kills": number,
        "requests": len(samples),
        "failed in flight while a worker died": len(flying),
        "failed on a dead worker's connection, its end not yet seen": len(idle),
        "failed otherwise": len(lost) - len(flying) - len(idle),
        "longest without an answer, s": round(_longest_gap(samples), 3),
        "metrics count every answer, whichever worker tells": all(answered <= m <= len(samples) for m in metrics),
    }


def _longest_gap(samples: list[Sample]) -> float:
    ends = sorted(sample.began + sample.seconds for sample in samples if sample.status == 200)
    return max((later - earlier for earlier, later in itertools.pairwise(ends)), default=0.0)
