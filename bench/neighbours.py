"""Create in one namespace while another sends what costs most: `python -m bench.neighbours --seconds 30`."""

import argparse
import itertools
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from bench import evidence
from tests import expensive
from tests.installed import OPTED_IN, deployment, install, namespace, uninstall
from tests.rig.cluster import Cluster, running
from tests.server import serving

LOOPS: Final = 8
PAUSE: Final = 0.1
HOST: Final = "127.88.5.1"
RESOURCES: Final = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
}
SHAPES: Final = (
    "names in the annotation",
    "a flow list of YAML",
    "texts of YAML",
    "lines of YAML",
    "containers with IDs",
)
"""Those that cost the webhook more than the API server. Thousands of invalid containers cost the latter far more."""

SIZE: Final = expensive.BRIEF - 2**12
"""Of an object; the API server adds managedFields, and the review stays below 32 KiB."""


def attacks(where: str) -> list[tuple[str, str]]:
    """Return path and body of each expensive object, valid, as a dry run."""
    found = []
    for shape in SHAPES:
        obj, _ = expensive.SHAPES[shape](SIZE if "containers" not in shape else SIZE // 3)
        if obj["kind"] == "Deployment":
            template = deployment("x")["spec"]
            pod = obj["spec"]["template"]["spec"]
            for number, container in enumerate(pod["containers"]):
                pod["containers"][number] = {"name": f"c{number}", "image": "x", **container}
            obj["spec"] = {**template, "template": {**template["template"], "spec": pod}}
        found.append((f"{RESOURCES[obj['kind']].format(where)}?dryRun=All", json.dumps(obj)))
    return found


def measure(cluster: Cluster, seconds: float) -> dict[str, Any]:
    """Return what creations in one namespace see, alone and while another one attacks."""
    victim, attacker = (namespace(cluster, name, **OPTED_IN) for name in ("victim", "attacker"))
    return {"quiet": creations(cluster, victim, seconds / 3), **attacked(cluster, victim, attacker, seconds)}


def attacked(cluster: Cluster, victim: str, attacker: str, seconds: float) -> dict[str, Any]:
    """Return what creations see while LOOPS send dry runs without a pause, and what became of those."""
    bodies, over, statuses = attacks(attacker), threading.Event(), Counter[str]()

    def attack(first: int) -> None:
        for path, body in itertools.islice(itertools.cycle(bodies), first, None):
            if over.is_set():
                return
            statuses[str(cluster.request("POST", path, body).status)] += 1

    threads = [threading.Thread(target=attack, args=(number,)) for number in range(LOOPS)]
    for thread in threads:
        thread.start()
    try:
        seen = creations(cluster, victim, seconds)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return {"attacked": seen, "attacks": dict(statuses), "loops": LOOPS}


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
        uninstall(cluster)
        figures["withoutTheWebhook"] = attacked(cluster, "victim", "attacker", arguments.seconds)
    print(json.dumps(figures, indent=2))
    print(evidence.write("neighbours", f"python -m bench.neighbours --seconds {arguments.seconds:g}", started, figures))
    busy = figures["attacked"]
    return int(busy["refused"] > 0 or busy["rewritten"] < busy["creations"] or busy["p99"] > 1000)


if __name__ == "__main__":
    sys.exit(main())
