"""Kill the server that the API server's requests go to, in each way in which a server ends at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.rig.cluster import wait
from tests.rig.node.node import Node
from tests.support.creating import PER_SECOND, Created, creating
from tests.support.pods import is_ready, main_process, running
from webhook.settings.scopes import NAMESPACE

PODS: Final = f"/api/v1/namespaces/{NAMESPACE}/pods"
WORKERS: Final = 2
"""Of each server. Its first process is their parent, which answers nothing itself."""
FILL: Final = """
import os, signal, time
def killed():
    with open("/sys/fs/cgroup/memory/memory.oom_control") as file:
        return int(file.read().split()[-1])
before = killed()
while killed() == before:
    if not os.fork():
        held = b"x" * (4 << 20)
        time.sleep(60)
    time.sleep(0.02)
os.killpg(0, signal.SIGKILL)
"""
"""A program that takes memory, in processes smaller than the server's, until the kernel kills a process for it."""


@dataclass(frozen=True)
class Serving:
    """The worker that answers the API server: its pod, and on the node its pid and its parent's."""

    pod: dict[str, Any]
    parent: int
    pid: int


def kill_server(node: Node, serving: Serving) -> None:
    """Kill the container's first process. The kernel then ends all others in the container."""
    node.run("kill", "-KILL", str(serving.parent))
    restarted(node, serving.pod, "Error")


def exhaust_memory(node: Node, serving: Serving) -> None:
    """Fill the container's memory, and leave to the kernel what it kills: the largest process, which is the first."""
    fill = ("exec", "-n", NAMESPACE, serving.pod["metadata"]["name"], "--", "python3", "-c", FILL)
    node.cluster.kubectl(*fill, check=False)
    restarted(node, serving.pod, "OOMKilled")


def kill_worker(node: Node, serving: Serving) -> None:
    """Kill the worker, and wait until its parent has started another."""
    before = workers(node, serving.parent)
    node.run("kill", "-KILL", str(serving.pid))

    def replaced() -> bool:
        now = workers(node, serving.parent)
        return len(now) == WORKERS and now != before

    wait(replaced, "another worker")


KILLS: Final[dict[str, Callable[[Node, Serving], None]]] = {
    "SIGKILL of the server": kill_server,
    "OOM kill of the server": exhaust_memory,
    "SIGKILL of a worker": kill_worker,
}


def killed(node: Node, how: str) -> tuple[Created, dict[str, Any]]:
    """Kill the server that answers, under constant creations; return these and its pod."""
    pods = servers(node)
    with creating(node.cluster, after=5) as created:
        serving = serving_worker(node, pods)
        KILLS[how](node, serving)
    return created, serving.pod


def servers(node: Node) -> list[dict[str, Any]]:
    """Wait for both replicas, and nothing else, to be ready."""
    return running(node.cluster, NAMESPACE, f"app.kubernetes.io/name={NAMESPACE}", count=2)


def serving_worker(node: Node, pods: list[dict[str, Any]]) -> Serving:
    """Return the worker that answers. Nearly all requests of the API server take one connection, so one worker."""
    parents = [(pod, main_process(node, pod)) for pod in pods]
    each = [Serving(pod, parent, pid) for pod, parent in parents for pid in sorted(workers(node, parent))]
    assert len(each) == len(pods) * WORKERS
    time.sleep(1)
    before = [waits(node, worker.pid) for worker in each]
    time.sleep(1)
    during = [waits(node, worker.pid) - count for worker, count in zip(each, before, strict=True)]
    assert max(during) > PER_SECOND / 2, during
    return each[during.index(max(during))]


def workers(node: Node, parent: int) -> set[int]:
    """Return the pids of a server's workers."""
    return set(map(int, node.run("cat", f"/proc/{parent}/task/{parent}/children").split()))


def waits(node: Node, pid: int) -> int:
    """Return how often a process has waited: an idle worker does once a second, another for each request."""
    status = dict(line.split(":", 1) for line in node.run("cat", f"/proc/{pid}/status").splitlines())
    return int(status["voluntary_ctxt_switches"])


def restarted(node: Node, pod: dict[str, Any], reason: str) -> None:
    """Wait until the kubelet started the pod's container again, and check why."""
    path = f"{PODS}/{pod['metadata']['name']}"
    before = pod["status"]["containerStatuses"][0]["restartCount"]

    def again() -> dict[str, Any] | None:
        now = node.cluster.request("GET", path).body
        status: dict[str, Any] = now["status"]["containerStatuses"][0]
        ended: dict[str, Any] | None = status["lastState"].get("terminated")
        return ended if status["restartCount"] > before and is_ready(now) else None

    ended = wait(again, "restarted container", 60)
    assert ended
    assert ended["reason"] == reason
