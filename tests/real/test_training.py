"""Jobs of the real training operator succeed with the webhook; in a namespace without it they do not run."""

from collections.abc import Callable

import pytest

from tests.rig.cluster import Cluster, wait
from tests.rig.node.node import Node
from tests.support import as_installed, rows, training
from tests.support.installed import OPTED_IN, namespace
from tests.support.pods import first_uid

OPERATOR = "training-operator 1.8.1"
DENIED = "PermissionError: [Errno 13] Permission denied: '../data'"


@pytest.fixture(scope="module")
def operated(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Install webhook and operator; the webhook is not asked about the namespaces `plain-...`."""
    namespace(node.cluster, "kubeflow")
    as_installed.install(node.cluster, as_installed.copied(tmp_path_factory.mktemp("deploy")) / "self-managed")
    training.install(node)
    return node


def test_upstreams_pytorch_job(operated: Node, proof: Callable[..., None]) -> None:
    cluster = operated.cluster
    plain, team = namespace(cluster, "plain-torch"), namespace(cluster, "torch", **OPTED_IN)
    refused, path = (training.create(cluster, where, training.pytorch_job()) for where in (plain, team))
    training.succeeded(cluster, path)
    uid = first_uid(cluster, team)
    for replica in ("master-0", "worker-0"):
        lines = log(cluster, team, f"pytorch-dist-mnist-gloo-{replica}").splitlines()
        assert lines[0] == f"uid {uid} in /data"
        assert lines[1:] == ["wrote /data/MNIST/raw/written", "wrote /data/logs/written", "sum of 2 ranks: 1"]

    wait(lambda: DENIED in log(cluster, plain, "pytorch-dist-mnist-gloo-master-0"), "failed master")
    assert "Succeeded" not in str(cluster.request("GET", refused).body.get("status"))
    proof("S6", f"PyTorchJob {training.MNIST.name}, master and worker", OPERATOR, uid, " | ".join(lines), DENIED)


def test_upstreams_tf_job(operated: Node, proof: Callable[..., None]) -> None:
    cluster = operated.cluster
    plain, team = namespace(cluster, "plain-tf"), namespace(cluster, "tf", **OPTED_IN)
    for where in (plain, team):
        training.claim(operated, where)
    refused, path = (training.create(cluster, where, training.tf_job()) for where in (plain, team))
    training.succeeded(cluster, path)
    uid = first_uid(cluster, team)
    lines = log(cluster, team, "mnist-worker-0").splitlines()
    assert lines == [f"uid {uid} in /var", "wrote /train/logs/written", "sum of 1 ranks: 0"]
    assert (operated.directory / "kubelet" / team / "logs/written").stat().st_uid == int(uid)

    why = wait(lambda: refusal(cluster, plain), "refusal")
    assert "Succeeded" not in str(cluster.request("GET", refused).body.get("status"))
    proof(
        "S7", f"TFJob {training.SUMMARIES.name} with IDs of 1000 and its claim", OPERATOR, uid, " | ".join(lines), why
    )


def log(cluster: Cluster, where: str, pod: str) -> str:
    return cluster.kubectl("logs", "-n", where, pod, check=False).stdout


def refusal(cluster: Cluster, where: str) -> str:
    """Return the first reason for which SCC refused a pod of the training operator."""
    events = cluster.request("GET", f"/api/v1/namespaces/{where}/events").body["items"]
    return next((rows.reason(event["message"]) for event in events if event["reason"] == "FailedCreatePod"), "")
