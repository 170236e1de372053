"""How many worker processes: throughput and p99 on all cores, and on one. `python -m bench.sizes`."""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from bench import evidence
from bench.figures import busy, spread
from bench.load import Client, built
from bench.objects import measured_review
from bench.servers import Running, children, ours

SIZES: Final = (1, 2, 4)
CONNECTIONS: Final = 8
ROUNDS: Final = 3
SECONDS: Final = 1.0


def measure(load: Path, folder: Path) -> dict[str, Any]:
    """Return for each size what eight connections see, with the webhook on all cores and on the first one only."""
    body = folder / "review.json"
    body.write_bytes(measured_review())
    figures: dict[str, Any] = {}
    for size in map(str, SIZES):
        with ours("--workers", size) as server:
            client = Client(load, server.url, server.ca, body)
            figures[size] = {"all cores": _rounds(client)}
            pin(server, {min(os.sched_getaffinity(0))})
            figures[size]["one core"] = _rounds(client)
            figures[size]["pss"] = server.memory()["pss"]
    return figures


def pin(server: Running, cores: set[int]) -> None:
    """Keep all threads of a webhook on some cores."""
    for pid in (server.pid, *children(server.pid)):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


def _rounds(client: Client) -> dict[str, Any]:
    seen = [client.run(CONNECTIONS, SECONDS) for _ in range(ROUNDS)]
    return {what: spread(one[what] for one in seen) for what in ("rate", "p99")}


def main() -> int:
    """Measure, print, and write docs/evidence/sizes.json."""
    started, load = time.time(), busy()
    with built("load") as programs, tempfile.TemporaryDirectory() as folder:
        figures = measure(programs["load"], Path(folder))
    print(evidence.write("sizes", "python -m bench.sizes", started, {**figures, "load_per_core": load}).read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
