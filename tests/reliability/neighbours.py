"""Create in one namespace while another sends the most expensive objects. Needs the rig."""

import itertools
import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tests.rig.cluster import Cluster, running
from tests.support import expensive
from tests.support.installed import OPTED_IN, crd, deployment, install, namespace, serve, uninstall
from tests.support.server import serving

LOOPS: Final = 8
PAUSE: Final = 0.1
HOST: Final = "127.88.5.1"
RESOURCES: Final = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Workflow": "/apis/argoproj.io/v1/namespaces/{}/workflows",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
}
SHAPES: Final = (
    "names in the annotation",
    "a flow list of YAML",
    "YAML strings",
    "lines of YAML",
    "containers with IDs",
)
"""Those that cost the webhook more than the API server. Thousands of invalid containers cost the latter far more."""

LARGE: Final = {
    "a flow list of YAML": 2**20,
    "lines of YAML": 2**20,
    "rules of a role": 2**20,
    "templates with IDs": 2**15,
    "templates with a context": 2**15,
    "annotations that templates share": 2**17,
    "volumes of templates with a context": 2**20,
    "templates left apart": 2**21,
}
"""Larger ones, and custom resources, each with its size in bytes."""

HEADERS: Final = {
    "Content-Type": "application/json",
    "Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
}
"""Of an attack: its answer is short, so that this process does not hold up its own creations by reading it."""

SIZE: Final = expensive.BRIEF - 2**12
"""Of an object; the API server adds managedFields, and the review stays below 32 KiB."""


def attacks(where: str, large: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return path and body of each expensive object, valid, as a dry run."""
    found, sizes = [], {shape: SIZE if "containers" not in shape else SIZE // 3 for shape in SHAPES}
    for shape, size in (*sizes.items(), *large.items()):
        obj, _ = expensive.SHAPES[shape](size)
        if obj["kind"] == "Deployment":
            template = deployment("x")["spec"]
            pod = obj["spec"]["template"]["spec"]
            for number, container in enumerate(pod["containers"]):
                pod["containers"][number] = {"name": f"c{number}", "image": "x", **container}
            obj["spec"] = {**template, "template": {**template["template"], "spec": pod}}
        found.append((f"{RESOURCES[obj['kind']].format(where)}?dryRun=All", json.dumps(obj)))
    return found


def measure(cluster: Cluster, seconds: float) -> dict[str, Any]:
    """Return what creations in one namespace see, alone, and while another attacks with small and with large bodies."""
    victim, attacker = (namespace(cluster, name, **OPTED_IN) for name in ("victim", "attacker"))
    serve(cluster, crd("Workflow", "workflows", group="argoproj.io"), attacker)
    return {
        "quiet": creations(cluster, victim, seconds / 3),
        **attacked(cluster, victim, attacker, seconds),
        "large": attacked(cluster, victim, attacker, seconds, LARGE),
    }


def attacked(
    cluster: Cluster, victim: str, attacker: str, seconds: float, large: Mapping[str, int] = MappingProxyType({})
) -> dict[str, Any]:
    """Return what creations see while LOOPS send dry runs without a pause, and what became of those."""
    bodies, over, statuses = attacks(attacker, large), threading.Event(), Counter[str]()

    def attack(first: int) -> None:
        for path, body in itertools.islice(itertools.cycle(bodies), first, None):
            if over.is_set():
                return
            statuses[str(cluster.client.request("POST", path, body, HEADERS).status)] += 1

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


def alone(seconds: float) -> dict[str, Any]:
    """Measure on a rig of its own, with the webhook and without."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(host=HOST, port=8443) as server,
        running(Path(folder)) as cluster,
    ):
        install(cluster, server)
        figures = measure(cluster, seconds)
        uninstall(cluster)
        figures["withoutTheWebhook"] = {
            **attacked(cluster, "victim", "attacker", seconds),
            "large": attacked(cluster, "victim", "attacker", seconds, LARGE),
        }
    return figures
