"""Let slow clients hold a server up, and measure how long others wait, here and on gunicorn's own worker."""

import contextlib
import time
from typing import Any

from rich.progress import track

from tests.support.bodies import REVIEW
from tests.support.load import Sample, quantile
from tests.support.server import Server, post, serving
from tests.support.slow import ATTACKS, attacked

REVIEWS = 100
GIVES_UP = 10.0  # seconds
STOCK = ("one byte of ClientHello", "dripping body")
FLOOD = "never reading"  # it costs CPU as well, 200 reviews of 300 containers for each: few of them suffice
FEW = 4


def measure(attackers: int, name: str, module: str = "webhook") -> dict[str, Any]:
    """Let so many attackers of one sort at a server, and see how long reviews take on connections of their own."""
    count = FEW if name == FLOOD else attackers
    with serving(module=module) as server:
        time.sleep(1.5)  # until both workers accept
        with attacked(server, [name], count):
            time.sleep(1)
            samples = _reviews(server, REVIEWS if module == "webhook" else 5)
            healthy = [server.observe("/healthz")[0] for _ in range(10)] if module == "webhook" else []
        left = time.monotonic()
        _reviews(server, 1)
        recovery = time.monotonic() - left
    return {
        "attackers": count,
        "sort": name,
        "server": "webhook" if module == "webhook" else "stock gunicorn",
        "median, s": round(quantile(samples, 0.5), 4),
        "p99, s": round(quantile(samples, 0.99), 4),
        "unanswered": sum(sample.status != 200 for sample in samples),
        "probes that failed": sum(status != 200 for status in healthy),
        "first answer after they left, s": round(recovery, 3),
    }


def _reviews(server: Server, number: int) -> list[Sample]:
    samples = []
    for _ in range(number):
        began, status = time.monotonic(), 0
        with contextlib.closing(server.connect(timeout=GIVES_UP)) as connection, contextlib.suppress(OSError):
            status = post(connection, REVIEW).status
        samples.append(Sample(began, time.monotonic() - began, status, close=True))
    return samples


def measured(*attackers: int) -> dict[str, Any]:
    """Measure each sort with each number of attackers, and gunicorn's own worker with the fewest."""
    runs = [(number, name, "webhook") for number in attackers for name in ATTACKS]
    runs += [(min(attackers), name, "tests.support.stock") for name in STOCK]
    return {"runs": [measure(*each) for each in track(runs, "slow clients")]}
