"""Do everything at once, for an hour. Nothing unexplained fails, and nothing grows.

Reviews of every kind, one in twenty malformed, from clients that come and go; meanwhile the certificate is renewed, the
configuration changes and the younger worker is killed again and again. The elder is never killed: its memory tells.
"""

import itertools
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.progress import Progress

from certs import authority
from tests.reliability.kills import Kill, in_flight, kill, on_its_connection
from tests.reliability.reloads import A, B
from tests.support import process
from tests.support.bodies import BAD
from tests.support.load import Sample, loaded, quantile
from tests.support.metrics import reloads
from tests.support.mounted import NAMES, Mounted, Renewable
from tests.support.samples import SAMPLES
from tests.support.server import Server, review, serving
from webhook.objects.model import Request

CERTIFICATE_EVERY, CONFIGURATION_EVERY, KILL_EVERY = 60, 30, 300  # seconds, in an hour; more often in less
WARM_UP = 0.25  # of the time, before which memory is not looked at
LOOK_EVERY = 5
WORKERS = 2


def corpus() -> tuple[list[bytes], int]:
    """Return reviews of every kind, created and updated, with one malformed in twenty; and from where those stand."""
    good = [
        review(Request(kind, operation, obj, obj if operation == "UPDATE" else None, "team", "sample", uid="soak"))
        for kind, obj in SAMPLES.items()
        for operation in ("CREATE", "UPDATE")
    ]
    bad = [body for body, _ in BAD.values()][: len(good) // 19 + 1]
    return good + bad, len(good)


@dataclass(slots=True)
class Record:
    """What was seen so far."""

    first_bad: int
    kills: list[Kill] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)
    slowest: float = 0.0
    p99: list[float] = field(default_factory=list)
    looks: list[tuple[float, float, float, int, int]] = field(default_factory=list)

    def judge(self, samples: list[Sample]) -> None:
        """Count answers, and tell what is explained from what is not."""
        for sample in samples:
            expected = 400 if sample.body >= self.first_bad else 200
            if sample.status == expected:
                self.counts[str(expected)] += 1
            elif not sample.status and (in_flight(sample, self.kills) or on_its_connection(sample, self.kills)):
                self.counts["lost with a killed worker"] += 1
            else:
                self.unexplained.append(f"{sample.status} instead of {expected}: {sample.why or sample.answer[:80]!r}")
            self.slowest = max(self.slowest, sample.seconds)
        self.p99.append(quantile(samples, 0.99))

    def look(self, server: Server, elder: int, seconds: float) -> None:
        """Look at memory, file descriptors and threads of the elder worker, and at the memory of all."""
        whole = process.whole_memory(server)
        self.looks.append((seconds, process.memory(elder), whole, process.descriptors(elder), process.threads(elder)))


@dataclass(slots=True)
class Chore:
    """Something to do again and again."""

    every: float
    do: Callable[[], object]
    done: int = 0

    def if_due(self, seconds: float) -> None:
        """Do it as often as it should have been done by now."""
        if seconds >= (self.done + 1) * self.every:
            self.done += 1
            self.do()


def measure(minutes: float) -> dict[str, Any]:
    """Run for so many minutes, and say what failed and what grew."""
    bodies, first_bad = corpus()
    record = Record(first_bad)
    often = min(1.0, minutes / 30)
    with tempfile.TemporaryDirectory() as name, Progress() as progress:
        folder = Path(name)
        config = Mounted(folder / "config", "config.yaml")
        config.put(A)
        renewable = Renewable(authority.authority("soak", NAMES, days=1), Mounted(folder / "tls", "serving.pem"))
        renewable.renew()
        ca = folder / "ca.crt"
        ca.write_bytes(renewable.ca.certificate_pem())
        arguments = ("--config", str(config.path), "--certificate", str(renewable.mounted.path))
        with serving(*arguments) as running:
            server = replace(running, ca=ca)
            while len(pids := server.workers()) < WORKERS:
                time.sleep(0.1)
            elder = pids[0]
            contents = itertools.cycle((B, A))

            def kill_younger() -> None:
                record.kills.append(kill(next(pid for pid in server.workers() if pid != elder)))

            chores = [
                Chore(CERTIFICATE_EVERY * often, renewable.renew),
                Chore(CONFIGURATION_EVERY * often, lambda: config.put(next(contents))),
                Chore(KILL_EVERY * often, kill_younger),
            ]
            start = time.monotonic()
            task = progress.add_task("soaking", total=minutes * 60)
            with loaded(server, bodies, clients=10, pause=0.2, per_connection=50) as samples:
                while (seconds := time.monotonic() - start) < minutes * 60:
                    time.sleep(LOOK_EVERY)
                    for chore in chores:
                        chore.if_due(seconds)
                    _settle(record, samples)
                    record.look(server, elder, seconds)
                    progress.update(task, completed=seconds)
            _settle(record, samples)
            elder_lives = elder in server.workers()
            broken = reloads(server, "error")
            tracebacks = server.log.read_text().count("Traceback")
    return {
        "minutes": minutes,
        "answers": dict(record.counts),
        "unexplained failures": len(record.unexplained),
        "the first of them": record.unexplained[:5],
        "p99 of a review, s (median over the run)": round(statistics.median(record.p99), 4),
        "slowest, s": round(record.slowest, 3),
        "certificates renewed": chores[0].done,
        "configurations changed": chores[1].done,
        "workers killed": chores[2].done,
        "readings of the configuration that failed": int(broken),
        "tracebacks in the log": tracebacks,
        "the elder worker lives": elder_lives,
        **_growth(record.looks, minutes),
    }


def _settle(record: Record, samples: list[Sample]) -> None:
    """Judge what has come, and let go of it; the last second waits, for the kill that may explain it."""
    ready = [sample for sample in samples if sample.began + sample.seconds < time.monotonic() - 1]
    del samples[: len(ready)]
    record.judge(ready)


def _growth(looks: list[tuple[float, float, float, int, int]], minutes: float) -> dict[str, Any]:
    warm = [look for look in looks if look[0] > minutes * 60 * WARM_UP]
    seconds, elder, whole, descriptors, threads = zip(*warm, strict=True)
    slope, whole_slope = (statistics.linear_regression(seconds, of).slope * 3600 for of in (elder, whole))
    return {
        "memory of the elder worker, MiB": [round(min(elder), 1), round(max(elder), 1)],
        "its growth, MiB per hour": round(slope, 2),
        "memory of all processes, MiB": [min(whole), max(whole)],
        "their growth, MiB per hour": round(whole_slope, 2),
        "file descriptors of the elder worker": [min(descriptors), max(descriptors)],
        "threads of the elder worker": [min(threads), max(threads)],
    }
