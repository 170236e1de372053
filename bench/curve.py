"""Concurrency from 1 to 500, and the largest reviews: `python -m bench.curve`. Needs Go."""

import argparse
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import track

from bench import evidence, process
from bench.load import Client, built
from bench.table import show
from tests.support.load import failed, loaded, quantile
from tests.support.samples import SAMPLES
from tests.support.server import Server, review, serving
from webhook.admission.review import MOST_VALUES
from webhook.objects.model import Request
from webhook.server.app import LARGEST_BODY

CONCURRENCY = (1, 2, 5, 10, 20, 50, 100, 200, 350, 500)
DEPLOYMENT = SAMPLES["Deployment.apps"]
REVIEW = review(Request("Deployment.apps", "CREATE", DEPLOYMENT, namespace="team", uid="curve"))
RATES = (0, 200)
"""Reviews a second of all clients together: as many as are answered (the wait is the queue), and a busy cluster's."""
FLOOD = 20  # clients that send nothing but the largest reviews


def dearest() -> bytes:
    """Return a review that takes the most memory to read: as many maps as are allowed, in the largest body."""
    odd = [{"a": 0}] * ((MOST_VALUES - 1000) // 2)
    return review(Request("Deployment.apps", "CREATE", {**DEPLOYMENT, "odd": odd})).ljust(LARGEST_BODY)


def row(server: Server, client: Client, clients: int, rate: int, seconds: float) -> dict[str, Any]:
    """Measure with so many clients: each as fast as it is answered, or (rate) all together so many times a second."""
    pause = f"{1000 * clients // rate}ms" if rate else "0s"
    try:
        seen = replace(client, more=("-pause", pause)).run(clients, seconds)
    except RuntimeError as error:
        return {"clients": clients, "asked for, per second": rate or "all", "failed": str(error)}
    return {
        "clients": clients,
        "asked for, per second": rate or "all",
        "reviews per second": round(seen["rate"]),
        "median, ms": round(seen["p50"], 1),
        "p99, ms": round(seen["p99"], 1),
        "slowest, ms": round(seen["max"], 1),
        "failed": 0,
        "memory, MiB": process.whole_memory(server),
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
    with built("load") as programs, serving() as server, tempfile.NamedTemporaryFile() as body:
        Path(body.name).write_bytes(REVIEW)
        client = Client(programs["load"], f"https://127.0.0.1:{server.port}/mutate", server.ca, Path(body.name))
        rest = process.whole_memory(server)
        points = [(clients, rate) for rate in RATES for clients in CONCURRENCY]
        rows = [row(server, client, *point, options.seconds) for point in track(points, "measuring")]
        flood = flooded(server, options.seconds)
    figures = {"memory at rest, MiB": rest, "bytes of a review": len(REVIEW), "curve": rows, "flood": flood}
    path = evidence.write("curve", f"python -m bench.curve --seconds {options.seconds:g}", started, figures)
    show("reviews of a Deployment", rows)
    show("beside a flood of the largest reviews", [flood], path)


if __name__ == "__main__":
    main()
