"""From an empty cluster to a notebook, a workflow and a training job; then the webhook goes and what ran stays."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.rig.cluster import wait
from tests.rig.node.node import Node
from tests.support import argo, as_installed, real, rows, training
from tests.support.installed import refusals
from tests.support.pods import first_uid, running
from tests.support.walk import USER, Walk, notebook_answers

DENIED = "PermissionError: [Errno 13] Permission denied: '../data'"
STOPS: dict[str, str] = {}


@pytest.fixture
def node(ready_machine: None, tmp_path: Path) -> Iterator[Node]:
    with real.started(tmp_path / "cluster") as node:
        yield node


def test_without_the_webhook_each_of_the_three_stops(node: Node) -> None:
    walk = Walk(node)
    walk.make_kubeflow()
    walk.install_controllers()
    _, job = walk.ask_for_work()
    notebook = rows.reason(wait(lambda: refusals(node.cluster, USER), "refusal")[0])
    workflow = argo.ended(node.cluster, USER, "steps")
    assert "fsGroup" in notebook
    assert workflow["phase"] == "Failed"
    assert "runAsUser: Invalid value: 65532" in workflow["message"]
    master = ("logs", "-n", USER, "pytorch-dist-mnist-gloo-master-0")
    wait(lambda: DENIED in node.cluster.kubectl(*master, check=False).stdout, "failed master", 60)
    assert "Succeeded" not in str(node.cluster.request("GET", job).body["status"])
    STOPS.update(notebook=notebook, workflow=rows.reason(workflow["message"]), job=DENIED)


def test_all_of_it_runs_and_stays(node: Node, tmp_path: Path, proof: Callable[..., None]) -> None:
    walk, cluster = Walk(node), node.cluster
    overlay = as_installed.copied(tmp_path) / "self-managed"
    walk.make_kubeflow()
    with walk.step("install the webhook"):
        as_installed.install(cluster, overlay)
    walk.install_controllers()
    address, job = walk.ask_for_work()
    with walk.step("until the notebook answers"):
        [first] = running(cluster, USER, "app=nb")
        notebook_answers(address)
    with walk.step("until the workflow Succeeded"):
        assert argo.ended(cluster, USER, "steps")["phase"] == "Succeeded"
    with walk.step("until the training job Succeeded"):
        training.succeeded(cluster, job)

    with walk.step("uninstall the webhook"):
        as_installed.remove(cluster, overlay)
    [still] = running(cluster, USER, "app=nb")
    assert still["metadata"]["uid"] == first["metadata"]["uid"]
    assert still["status"]["containerStatuses"][0]["restartCount"] == 0
    notebook_answers(address)
    cluster.kubectl("wait", "-n", "kubeflow", "deployment", "--all", "--for=condition=Available", "--timeout=10s")
    steps = "; ".join(f"{what}: {seconds} s" for what, seconds in walk.seconds.items())
    stops = "; ".join(f"{what}: {why}" for what, why in STOPS.items())
    proof("N11", "a newcomer's walk", "README.md, overlay self-managed", first_uid(cluster, USER), steps, stops)
