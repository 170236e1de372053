"""A TrainJob of the real Trainer and JobSet completes with the webhook; in a namespace without it it does not."""

from collections.abc import Callable
from pathlib import Path

from tests.rig.cluster import Cluster, wait
from tests.rig.node.node import Node
from tests.support import as_installed, trainer
from tests.support.installed import OPTED_IN, namespace
from tests.support.pods import first_uid

DENIED = "cp: cannot create regular file './train.py': Permission denied"
JOB = "jobset.sigs.k8s.io/jobset-name=sdk"


def test_the_default_runtime_of_trainer(node: Node, tmp_path: Path, proof: Callable[..., None]) -> None:
    cluster = node.cluster
    namespace(cluster, "kubeflow")
    as_installed.install(cluster, as_installed.copied(tmp_path) / "self-managed")
    trainer.install(node, tmp_path)
    plain, team = namespace(cluster, "plain"), namespace(cluster, "team", **OPTED_IN)
    refused, path = (trainer.create(cluster, where) for where in (plain, team))
    wait(lambda: "Complete" in trainer.conditions(cluster, path), "completed TrainJob", 120)
    uid = first_uid(cluster, team)
    lines = sorted(log(cluster, team).splitlines())
    assert lines == ["sum of 2 ranks: 1"] * 2 + [f"uid {uid} in /workspace"] * 2

    wait(lambda: DENIED in log(cluster, plain), "failed training")
    assert "Complete" not in trainer.conditions(cluster, refused)
    what = "TrainJob of two nodes with upstream's default runtime"
    proof("Trainer", what, "Trainer 2.0.0 and JobSet 0.8.2", uid, " | ".join(lines), DENIED)


def log(cluster: Cluster, where: str) -> str:
    return cluster.kubectl("logs", "-n", where, "-l", JOB, check=False).stdout
