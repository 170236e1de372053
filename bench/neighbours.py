"""Create in one namespace while another sends what costs most: `python -m bench.neighbours --seconds 30`."""

import argparse
import itertools
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

from bench import evidence
from tests import expensive
from tests.installed import OPTED_IN, deployment, install, namespace
from tests.rig.cluster import Cluster, running
from tests.server import serving

LOOPS: Final = 8
PAUSE: Final = 0.1
HOST: Final = "127.88.5.1"
RESOURCES: Final = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
}
SIZES: Final = (expensive.BRIEF - 4096, 2**18)
"""Of the objects; the API server writes managedFields into each."""


def attacks(where: str) -> list[tuple[str, str]]:
    """Return path and body of each expensive object of a built-in kind, as a dry run."""
    found = []
    for size, grow in itertools.product(SIZES, expensive.SHAPES.values()):
        obj, _ = grow(size)
        if obj["kind"] in RESOURCES:
            found.append((f"{RESOURCES[obj['kind']].format(where)}?dryRun=All", json.dumps(obj)))
    return found


def measure(cluster: Cluster, seconds: float) -> dict[str, Any]:
    """Return what creations in one namespace see while LOOPS of another send dry runs without a pause."""
    victim, attacker = (namespace(cluster, name, **OPTED_IN) for name in ("victim", "attacker"))
    bodies, over, sent = attacks(attacker), threading.Event(), itertools.count()

    def attack(first: int) -> None:
        for path, body in itertools.islice(itertools.cycle(bodies), first, None):
            if over.is_set():
                return
            cluster.request("POST", path, body)
            next(sent)

    threads = [threading.Thread(target=attack, args=(number,)) for number in range(LOOPS)]
    quiet = creations(cluster, victim, seconds / 3)
    for thread in threads:
        thread.start()
    try:
        busy = creations(cluster, victim, seconds)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return {"quiet": quiet, "underAttack": busy, "attacks": next(sent), "loops": LOOPS}


def creations(cluster: Cluster, where: str, seconds: float) -> dict[str, Any]:
    """Create one Deployment after the other as a dry run; count what was rewritten, passed by and refused."""
    path = f"{RESOURCES['Deployment'].format(where)}?dryRun=All"
    body = deployment("it", securityContext={"fsGroup": 100})
    took, rewritten, refused, end = [], 0, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        answer = cluster.request("POST", path, body)
        took.append((time.monotonic() - start) * 1000)
        refused += answer.status != 201
        rewritten += answer.status == 201 and "fsGroup" not in json.dumps(answer.body["spec"])
        time.sleep(PAUSE)
    took.sort()
    figures = {"p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100], "max": took[-1]}
    counts = {"creations": len(took), "rewritten": rewritten, "refused": refused}
    return counts | {key: round(value, 1) for key, value in figures.items()}


def main() -> int:
    """Measure, print, write docs/evidence/neighbours.json; 1 where a creation was refused or p99 is over a second."""
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    arguments, started = parser.parse_args(), time.time()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(host=HOST, port=8443) as server,
        running(Path(folder)) as cluster,
    ):
        install(cluster, server)
        figures = measure(cluster, arguments.seconds)
    print(json.dumps(figures, indent=2))
    print(evidence.write("neighbours", f"python -m bench.neighbours --seconds {arguments.seconds:g}", started, figures))
    busy = figures["underAttack"]
    return int(busy["refused"] > 0 or busy["rewritten"] < busy["creations"] or busy["p99"] > 1000)


if __name__ == "__main__":
    sys.exit(main())
