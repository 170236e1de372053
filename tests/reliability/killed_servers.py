"""Kill the replica that the API server's requests go to, again and again on a node, at 20 creations a second."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.progress import track

from tests.rig import cluster
from tests.rig.node import images
from tests.rig.node.node import Node, running
from tests.support import as_installed
from tests.support.creating import Created
from tests.support.installed import namespace
from tests.support.killed_server import KILLS, killed, servers
from webhook.settings.scopes import NAMESPACE

LOST: Final = ("connection reset by peer", "EOF", "broken pipe")
"""How a request ends that the server had in hand."""
NOT_LISTENING: Final = "connection refused"
"""How a connection to the killed server ends, until Kubernetes no longer leads any there."""
SECONDS: Final = 3.0
"""Within which Kubernetes does so."""


def measure(repeats: int) -> dict[str, Any]:
    """Kill so often in each way, each time a fresh server; return what became of the creations each time."""
    load = os.getloadavg()[0]
    with installed() as node:
        seen = {how: [once(node, how) for _ in track(range(repeats), how)] for how in KILLS}
    each = [figures for one_way in seen.values() for figures in one_way]
    return {
        "replicas": 2,
        "creations": sum(figures["creations"] for figures in each),
        "missed": sum(figures["missed"] for figures in each),
        "failed otherwise": sum(figures["otherwise"] for figures in each),
        "load of the machine": [round(load, 1), round(os.getloadavg()[0], 1)],
        **{how: {**summary(one_way), "each": one_way} for how, one_way in seen.items()},
    }


@contextmanager
def installed() -> Iterator[Node]:
    """Start a node with the webhook."""
    with (
        tempfile.TemporaryDirectory() as folder,
        cluster.running(Path(folder) / "rig") as control_plane,
        running(control_plane, policies=True) as node,
    ):
        node.load(images.base(), images.project())
        namespace(control_plane, "kubeflow")
        as_installed.install(control_plane, as_installed.copied(Path(folder) / "copy") / "self-managed")
        yield node


def once(node: Node, how: str) -> dict[str, Any]:
    """Kill one. Where its container ended, replace its pod: the kubelet would start that again only after a delay."""
    created, pod = killed(node, how)
    if "worker" not in how:
        node.cluster.kubectl("delete", "pod", "-n", NAMESPACE, pod["metadata"]["name"])
        servers(node)
    return figures(created, how)


def figures(created: Created, how: str) -> dict[str, Any]:
    """Return what became of the creations around one kill. Only a killed server's port is closed, a worker's is not."""
    usual = LOST if "worker" in how else (*LOST, NOT_LISTENING)
    why = Counter(next((end for end in usual if end in text), text) for _, text in created.refused)
    return {
        "creations": len(created.seconds),
        "refused": len(created.refused),
        "missed": created.missed,
        "seconds": created.outage(),
        "otherwise": sum(count for text, count in why.items() if text not in usual) + (created.outage() > SECONDS),
        "why": dict(why),
    }


def summary(each: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the sums and the worst."""
    return {
        "kills": len(each),
        "creations during these": sum(one["creations"] for one in each),
        "refused": sum(one["refused"] for one in each),
        "most refused at once": max(one["refused"] for one in each),
        "longest from the first to the last, s": max(one["seconds"] for one in each),
    }
