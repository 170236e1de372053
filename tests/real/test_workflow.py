"""A workflow of the real Argo succeeds with the webhook, and fails without: 26.03 gives the executor UID 65532."""

from collections.abc import Callable
from pathlib import Path

from tests.rig.node.node import Node
from tests.support import argo, as_installed
from tests.support.installed import OPTED_IN, namespace
from tests.support.pods import first_uid

EXECUTOR = ".initContainers[0].runAsUser: Invalid value: 65532"
CONFIGURATION = "/api/v1/namespaces/kubeflow/configmaps/workflow-controller-configmap"


def test_two_steps_with_outputs(node: Node, tmp_path: Path, proof: Callable[..., None]) -> None:
    cluster = node.cluster
    namespace(cluster, "kubeflow")
    argo.install(node)
    team = namespace(cluster, "team", **OPTED_IN)
    argo.prepare(cluster, team)
    cluster.make(argo.WORKFLOWS.format(team), argo.workflow("before"))
    before = argo.ended(cluster, team, "before")
    assert before["phase"] == "Failed"
    assert EXECUTOR in before["message"]

    as_installed.install(cluster, as_installed.copied(tmp_path) / "self-managed")
    argo.configure(cluster)
    assert "runAsUser" not in cluster.request("GET", CONFIGURATION).body["data"]["executor"]
    cluster.make(argo.WORKFLOWS.format(team), argo.workflow("after"))
    after = argo.ended(cluster, team, "after")
    assert after["phase"] == "Succeeded", argo.said(cluster, team, after)
    uid = first_uid(cluster, team)
    printed = argo.printed(cluster, team, "after")
    assert f"hello from {uid}, 100000 bytes, to {uid}" in printed
    what = "Workflow of two steps with a parameter and an artifact"
    proof("S5", what, "Argo Workflows 4.0.5", uid, " | ".join(printed), f"Failed: {EXECUTOR}")
