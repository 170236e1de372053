"""`doctor` on a cluster that has restricted-v3 for nobody, then for everyone, then nodes with user namespaces."""

import json
from pathlib import Path

import pytest

from tests.rig.cluster import Cluster, running
from tests.support.healthy import Doctor
from tests.support.installed import namespace
from webhook.settings.scopes import NAMESPACE

NODE = "/api/v1/nodes/it"
CONFIG = "everyone: [restricted-v2, restricted-v3]\nrules: {user-namespace: true}\n"


def report(cluster: Cluster, able: bool) -> None:
    """Say in the node's status whether its runtime has user namespaces, as the kubelet does."""
    status = {"runtimeHandlers": [{"name": "", "features": {"userNamespaces": able}}]}
    merge = "application/merge-patch+json"
    assert cluster.request("PATCH", f"{NODE}/status", {"status": status}, content_type=merge).status == 200


def test_the_rule_wants_its_scc_for_everyone_and_nodes(
    rig: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path / "rig") as cluster:  # which knows restricted-v3, and binds it to nobody
        doctor = Doctor(cluster.kubeconfig)
        where = f"/api/v1/namespaces/{namespace(cluster, NAMESPACE)}/configmaps"
        cluster.make(where, {"metadata": {"name": NAMESPACE}, "data": {"config.yaml": CONFIG}})
        cluster.make("/api/v1/nodes", {"metadata": {"name": "it"}})
        report(cluster, able=False)

        def said() -> tuple[str, str | None] | None:
            found = json.loads(doctor.run("--output", "json").out)["diagnoses"]
            return next(((each["says"], each["command"]) for each in found if each["check"] == "user namespaces"), None)

        says, command = said() or ("", None)
        assert command
        assert says.startswith("not every account may use SCC restricted-v3")
        doctor.follow(cluster, command)
        says, command = said() or ("", None)
        assert command
        assert says.startswith("0 of 1 nodes report user namespaces")
        report(cluster, able=True)
        assert said() == ("every account may use SCC restricted-v3; 1 of 1 nodes report user namespaces", None)

        report(cluster, able=False)
        monkeypatch.setenv("KUBE_EDITOR", "sed -i s/user-namespace:.true/user-namespace:\\ false/")
        doctor.follow(cluster, command)  # switch the rule off
        assert said() is None
