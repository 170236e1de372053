"""Concurrency from 1 to 500, and the largest reviews: `python -m bench.curve`. Latency and memory of two workers."""

import argparse
import time
from collections import Counter
from typing import Any

from rich.progress import track

from bench import evidence, process
from bench.table import show
from tests.load import failed, loaded, quantile
from tests.samples import SAMPLES
from tests.server import Server, review, serving
from webhook.app import MOST_VALUES
from webhook.framing import LARGEST_BODY
from webhook.model import Request

CONCURRENCY = (1, 2, 5, 10, 20, 50, 100, 200, 350, 500)
DEPLOYMENT = SAMPLES["Deployment.apps"]
REVIEW = review(Request("Deployment.apps", "CREATE", DEPLOYMENT, namespace="team", uid="curve"))
FLOOD = 20  # clients that send nothing but the largest reviews


def dearest() -> bytes:
    """Return a review that takes the most memory to read: as many maps as are allowed, in the largest body."""
    odd = [{"a": 0}] * ((MOST_VALUES - 1000) // 2)
    return review(Request("Deployment.apps", "CREATE", {**DEPLOYMENT, "odd": odd})).ljust(LARGEST_BODY)


def row(server: Server, clients: int, seconds: float) -> dict[str, Any]:
    """Measure with so many clients that send one review after the other."""
    with loaded(server, [REVIEW], clients, pause=0) as samples:
        time.sleep(seconds)
        memory = process.whole_memory(server)
    answered = [sample for sample in samples if sample.status == 200]
    return {
        "clients": clients,
        "reviews per second": round(len(answered) / seconds),
        "median, ms": round(quantile(answered, 0.5) * 1000, 1),
        "p99, ms": round(quantile(answered, 0.99) * 1000, 1),
        "slowest, ms": round(quantile(answered, 1) * 1000, 1),
        "told to come back (503)": sum(sample.status == 503 for sample in samples),
        "failed otherwise": sum(sample.status not in (200, 503) for sample in samples),
        "memory, MiB": memory,
    }


def flooded(server: Server, seconds: float) -> dict[str, Any]:
    """Measure small reviews while others send nothing but the dearest ones."""
    before, peak = process.whole_memory(server), 0.0
    with loaded(server, [dearest()], FLOOD, pause=0) as large, loaded(server, [REVIEW], 2, pause=0.05) as small:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            peak = max(peak, process.whole_memory(server))
            time.sleep(0.05)
    return {
        "clients with the largest reviews": FLOOD,
        "theirs by status": str(dict(Counter(sample.status for sample in large))),
        "usual reviews": len(small),
        "failed of these": len(failed(small)),
        "their p99, ms": round(quantile(small, 0.99) * 1000, 1),
        "memory before, MiB": before,
        "highest, MiB": peak,
        "after, MiB": process.whole_memory(server),
    }


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="for each point of the curve")
    options = parser.parse_args()
    started = time.time()
    with serving() as server:
        rest = process.whole_memory(server)
        rows = [row(server, clients, options.seconds) for clients in track(CONCURRENCY, "measuring")]
        flood = flooded(server, options.seconds)
    figures = {"memory at rest, MiB": rest, "bytes of a review": len(REVIEW), "curve": rows, "flood": flood}
    path = evidence.write("curve", f"python -m bench.curve --seconds {options.seconds:g}", started, figures)
    show("reviews of a Deployment", rows)
    show("beside a flood of the largest reviews", [flood], path)


if __name__ == "__main__":
    main()
