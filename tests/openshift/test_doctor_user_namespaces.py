"""`doctor` on a cluster that has restricted-v3 for nobody, then for everyone, then nodes with user namespaces."""

import json
from pathlib import Path

from tests.rig.cluster import running
from tests.support.healthy import Doctor

NODES = "/api/v1/nodes"
STATUS = {"status": {"runtimeHandlers": [{"name": "", "features": {"userNamespaces": True}}]}}


def test_the_rule_wants_its_scc_for_everyone_and_nodes(rig: None, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("everyone: [restricted-v2, restricted-v3]\nrules: {user-namespace: true}\n")
    with running(tmp_path / "rig") as cluster:  # which knows restricted-v3, and binds it to nobody
        doctor = Doctor(cluster.kubeconfig)

        def said() -> tuple[str, str | None]:
            done = doctor.run("--config", str(config), "--output", "json")
            [found] = [each for each in json.loads(done.out)["diagnoses"] if each["check"] == "user namespaces"]
            return found["says"], found["command"]

        says, command = said()
        assert says.startswith("not every account may use SCC restricted-v3")
        assert command
        doctor.follow(cluster, command)
        assert said()[0].startswith("0 of 0 nodes report user namespaces")
        cluster.make(NODES, {"metadata": {"name": "able"}})
        merge = "application/merge-patch+json"
        assert cluster.request("PATCH", f"{NODES}/able/status", STATUS, content_type=merge).status == 200
        assert said() == ("every account may use SCC restricted-v3; 1 of 1 nodes report user namespaces", None)
