"""Which connections come about between pods, Services and the machine."""

import json
import socket
from collections.abc import Iterable
from typing import Any

from tests.rig.cluster import Cluster
from tests.rig.node.machine import MACHINE
from tests.support.pods import LISTEN, run

TRY = """
import json, socket, sys
def is_open(target):
    try:
        socket.create_connection((target.split(":")[0], int(target.split(":")[1])), 3).close()
    except OSError:
        return False
    return True
print(json.dumps([is_open(target) for target in sys.argv[1:]]))
"""
API_SERVER = ("10.0.0.1:443", f"{MACHINE}:6443")
"""By its Service, and by the address behind it."""


def listening(name: str, **labels: str) -> dict[str, Any]:
    """Return a pod that listens on port 8888."""
    return {"metadata": {"name": name, "labels": {"app": name, **labels}}, "spec": {"containers": [LISTEN]}}


def from_pod(cluster: Cluster, pod: dict[str, Any], targets: Iterable[str]) -> list[bool]:
    """Tell which targets a pod reaches."""
    answers: list[bool] = json.loads(run(cluster, pod, "python3", "-c", TRY, *targets))
    return answers


def from_machine(targets: Iterable[str]) -> list[bool]:
    """Tell which targets the machine reaches, as the API server would."""
    return [reaches(*target.split(":")) for target in targets]


def reaches(host: str, port: str) -> bool:
    try:
        socket.create_connection((host, int(port)), 3).close()
    except OSError:
        return False
    return True
