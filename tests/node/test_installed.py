"""The webhook as it is installed: from its own image, as any UID, behind its Service, with its keeper."""

from typing import Any

from tests.rig.cluster import wait
from tests.rig.node.node import Node
from tests.support.as_installed import SETS, stateful_set
from tests.support.creating import Created, creating
from tests.support.installed import refusals
from tests.support.pods import first_uid, is_ready, main_process, run, running
from webhook.settings.scopes import NAMESPACE

KEEPER = "kubeflow-openshift-certificates"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
NAME = "app.kubernetes.io/name"
REFUSED_WITHIN = 3.0
"""Seconds in which a Service leads to a pod that was killed, until every part of Kubernetes knows."""

FILL = """
import os, time
for _ in range(20):
    if not os.fork():
        held = b"x" * (32 << 20)
        break
time.sleep(30)
"""
"""A program that takes more memory than the container may have, in processes smaller than the server."""


def servers(node: Node) -> list[dict[str, Any]]:
    """Wait for both replicas, and nothing else, to be ready."""
    return running(node.cluster, NAMESPACE, f"{NAME}={NAMESPACE}", count=2)


def test_a_notebooks_set_gets_no_pod_without_it_and_runs_with_it(installed: Node) -> None:
    cluster = installed.cluster
    assert "fsGroup: Invalid value: [100]: 100 is not an allowed group" in refusals(cluster, "kubeflow")[0]
    cluster.make(SETS, stateful_set("after"))
    [pod] = running(cluster, "kubeflow", "app=after")
    uid = first_uid(cluster, "kubeflow")
    assert run(cluster, pod, "id").strip() == f"uid={uid} gid=0(root) groups=0(root),{uid}"


def test_its_pods_have_no_more_than_they_say(installed: Node) -> None:
    cluster = installed.cluster
    for pod in (*servers(installed), *running(cluster, NAMESPACE, f"{NAME}={KEEPER}")):
        assert pod["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"
        assert run(cluster, pod, "id", "-u").strip() == first_uid(cluster, NAMESPACE)
        tried = cluster.kubectl("exec", "-n", NAMESPACE, pod["metadata"]["name"], "--", "touch", "/it", check=False)
        assert "Read-only file system" in tried.stderr
        has_token = "secrets/kubernetes.io/serviceaccount" in run(cluster, pod, "cat", "/proc/mounts")
        assert has_token == (pod["metadata"]["labels"][NAME] == KEEPER)


def test_a_rolling_update_refuses_and_misses_nothing(installed: Node) -> None:
    servers(installed)
    with creating(installed.cluster) as created:
        kubectl = installed.cluster.kubectl
        kubectl("rollout", "restart", "-n", NAMESPACE, "deployment", NAMESPACE)
        kubectl("rollout", "status", "-n", NAMESPACE, "deployment", NAMESPACE, "--timeout=110s")
        servers(installed)
    answered(created, "rolling update")


def test_an_eviction_refuses_and_misses_nothing(installed: Node) -> None:
    """Evict as a node drain does."""
    [pod, _] = servers(installed)
    name = pod["metadata"]["name"]
    with creating(installed.cluster) as created:
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        assert installed.cluster.request("POST", f"{PODS}/{name}/eviction", eviction).status == 201
        wait(lambda: installed.cluster.request("GET", f"{PODS}/{name}").status == 404, "evicted pod gone", 60)
        servers(installed)
    answered(created, "eviction")


def answered(created: Created, event: str) -> None:
    print(f"{event}: {created}")
    assert (created.refused, created.missed) == ([], 0)
    assert len(created.seconds) > 100


def test_a_killed_server_is_missed_for_a_moment(installed: Node) -> None:
    [pod, _] = servers(installed)
    with creating(installed.cluster, after=5) as created:
        installed.run("kill", "-KILL", str(main_process(installed, pod)))
        restarted(installed, pod, "Error")
    refused_for_a_moment(created, "SIGKILL")


def test_a_server_that_ran_out_of_memory_is_missed_for_a_moment(installed: Node) -> None:
    """Fill the container's memory from many small processes, once the kernel is told to end the server first."""
    [pod, _] = servers(installed)
    installed.run("sh", "-c", f"echo 1000 >/proc/{main_process(installed, pod)}/oom_score_adj")
    with creating(installed.cluster, after=5) as created:
        fill = ("exec", "-n", NAMESPACE, pod["metadata"]["name"], "--", "python3", "-c", FILL)
        installed.cluster.kubectl(*fill, check=False)
        restarted(installed, pod, "OOMKilled")
    refused_for_a_moment(created, "OOM kill")


def restarted(node: Node, pod: dict[str, Any], reason: str) -> None:
    """Wait until the kubelet started the pod's container again, and check why."""
    path = f"{PODS}/{pod['metadata']['name']}"
    before = pod["status"]["containerStatuses"][0]["restartCount"]

    def again() -> dict[str, Any] | None:
        now = node.cluster.request("GET", path).body
        status: dict[str, Any] = now["status"]["containerStatuses"][0]
        return status if status["restartCount"] > before and is_ready(now) else None

    status = wait(again, "restarted container", 60)
    assert status
    assert status["lastState"]["terminated"]["reason"] == reason


def refused_for_a_moment(created: Created, event: str) -> None:
    """Hold that nothing is missed, and that all that is refused was sent within a moment of the first."""
    print(f"{event}: {created}")
    assert created.missed == 0
    if created.refused:
        sent = [when for when, _ in created.refused]
        assert max(sent) - min(sent) < REFUSED_WITHIN
        assert all("connection refused" in why or "EOF" in why or "reset by peer" in why for _, why in created.refused)
