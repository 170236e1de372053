"""Kubeflow Trainer with JobSet on a node, and a TrainJob as Kubeflow's SDK makes it."""

import shutil
from pathlib import Path
from typing import Any, Final

from tests.rig.cluster import Cluster, wait
from tests.rig.node.node import Node
from tests.rig.real import controllers

JOBS: Final = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/{}/trainjobs"
JOBSETS: Final = "/apis/jobset.x-k8s.io/v1alpha2/namespaces/default/jobsets"
RUNTIME: Final = "torch-distributed"
REMOTE: Final = "../../third-party/jobset"
FUNCTION: Final = "cd /workspace && cp /var/train.py . && python3 -u train.py"
"""The SDK writes the training function into the working directory of the image, /workspace."""
Object = dict[str, Any]


def install(node: Node, folder: Path) -> None:
    """Apply JobSet's and Trainer's own overlays and Trainer's default runtime, and wait until both webhooks answer."""
    node.load(*controllers.trainer_images())
    node.run("ctr", "-n", "k8s.io", "images", "tag", controllers.PYTORCH, controllers.TRAINER_DEFAULT)
    jobset = controllers.source_of(controllers.JOBSET, "sigs.k8s.io/jobset")
    node.cluster.kubectl("apply", "--server-side", "-k", str(jobset / "config/default"))
    wait(lambda: answers(node.cluster, JOBSETS, jobset_probe()), "answer of JobSet's webhook", 240)
    trainer = controllers.source_of(controllers.TRAINER, "github.com/kubeflow/trainer/v2")
    manifests = shutil.copytree(trainer / "manifests", folder / "manifests", copy_function=shutil.copyfile)
    overlay = manifests / "overlays/manager/kustomization.yaml"
    lines = overlay.read_text().splitlines(keepends=True)
    overlay.write_text("".join(line for line in lines if REMOTE not in line))  # an address elsewhere
    node.cluster.kubectl("apply", "--server-side", "-k", str(overlay.parent))
    runtime = manifests / "base/runtimes/torch_distributed.yaml"
    wait(
        lambda: node.cluster.kubectl("apply", "--server-side", "-f", str(runtime), check=False).returncode == 0,
        "answer of Trainer's webhook",
        240,
    )


def answers(cluster: Cluster, path: str, obj: Object) -> bool:
    return cluster.request("POST", f"{path}?dryRun=All", obj).status == 201


def jobset_probe() -> Object:
    template = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}}}}
    spec = {"replicatedJobs": [{"name": "a", "template": template}]}
    return {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": {"name": "probe"}, "spec": spec}


def create(cluster: Cluster, where: str) -> str:
    """Create a TrainJob of two nodes with upstream's default runtime, and return its path."""
    trainer = {"numNodes": 2, "command": ["bash", "-c", FUNCTION]}
    spec = {"runtimeRef": {"name": RUNTIME}, "trainer": trainer}
    job = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "metadata": {"name": "sdk"}, "spec": spec}
    cluster.make(JOBS.format(where), job)
    return f"{JOBS.format(where)}/sdk"


def conditions(cluster: Cluster, path: str) -> set[str]:
    """Return the types of a TrainJob's true conditions."""
    found = cluster.request("GET", path).body.get("status", {}).get("conditions", [])
    return {condition["type"] for condition in found if condition["status"] == "True"}
