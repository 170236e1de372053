"""Upstream's training operator on a node, and upstream's own examples of jobs."""

import copy
import json
from typing import Any, Final

from tests.rig.cluster import Cluster, wait
from tests.rig.node.node import Node
from tests.rig.real import controllers
from tests.support import upstream

KUBEFLOW: Final = "/apis/kubeflow.org/v1/namespaces"
MNIST: Final = upstream.FOLDER / "examples/pytorchjob-mnist-gloo.yaml"
SUMMARIES: Final = upstream.FOLDER / "examples/tfjob-mnist-with-summaries.yaml"
ACCOUNT_OF_ITS_IMAGE: Final = {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000}
Object = dict[str, Any]


def install(node: Node) -> None:
    """Apply the training operator's own overlay, and wait until it serves its webhook."""
    node.load(*controllers.training_images())
    node.run("ctr", "-n", "k8s.io", "images", "tag", controllers.PYTORCH, controllers.TENSORFLOW)
    module, path = controllers.TRAINING_MANIFESTS
    overlay = controllers.source_of(controllers.TRAINING, module) / path
    node.cluster.kubectl("apply", "--server-side", "-k", str(overlay))
    # It makes its certificate itself, and the kubelet takes up to two minutes to show it a Secret that changed.
    wait(lambda: probe(node.cluster) == 201, "answer of the training operator's webhook", 240)


def probe(cluster: Cluster) -> int:
    return cluster.request("POST", f"{KUBEFLOW}/kubeflow/pytorchjobs?dryRun=All", pytorch_job()).status


def pytorch_job() -> Object:
    """Return upstream's MNIST example for Gloo, without the GPU that it says to take out."""
    [job] = upstream.read(MNIST)
    for replicas in job["spec"]["pytorchReplicaSpecs"].values():
        [container] = replicas["template"]["spec"]["containers"]
        del container["resources"]
        container["image"] = controllers.PYTORCH
    del job["metadata"]["namespace"]
    return job


def tf_job() -> Object:
    """Return upstream's MNIST example with summaries, as a user whose image has UID 1000 writes it."""
    [job] = [copy.deepcopy(obj) for obj in upstream.read(SUMMARIES) if obj["kind"] == "TFJob"]
    job["spec"]["tfReplicaSpecs"]["Worker"]["template"]["spec"]["securityContext"] = ACCOUNT_OF_ITS_IMAGE
    del job["metadata"]["namespace"]
    return job


def create(cluster: Cluster, where: str, job: Object) -> str:
    """Create a job in a namespace and return its path."""
    path = f"{KUBEFLOW}/{where}/{job['kind'].lower()}s"
    cluster.make(path, job)
    return f"{path}/{job['metadata']['name']}"


def succeeded(cluster: Cluster, path: str, seconds: float = 120) -> None:
    """Wait until a job has the condition Succeeded; fail at once where it has the condition Failed."""

    def seen() -> bool:
        conditions = cluster.request("GET", path).body.get("status", {}).get("conditions", [])
        true = {condition["type"] for condition in conditions if condition["status"] == "True"}
        assert "Failed" not in true, json.dumps(conditions)
        return "Succeeded" in true

    wait(seen, f"success of {path}", seconds)


def claim(node: Node, where: str) -> None:
    """Create upstream's claim for summaries in a namespace, and a volume on the node that it can have."""
    [wanted] = [obj for obj in upstream.read(SUMMARIES) if obj["kind"] == "PersistentVolumeClaim"]
    name, spec = wanted["metadata"]["name"], wanted["spec"]
    folder = node.directory / "kubelet" / where
    folder.mkdir()
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node"]}
    volume = {
        "capacity": spec["resources"]["requests"],
        "accessModes": spec["accessModes"],
        "local": {"path": f"/var/lib/kubelet/{where}"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        "claimRef": {"namespace": where, "name": name},
    }
    node.cluster.make("/api/v1/persistentvolumes", {"metadata": {"name": where}, "spec": volume})
    body = {"metadata": {"name": name}, "spec": spec}
    node.cluster.make(f"/api/v1/namespaces/{where}/persistentvolumeclaims", body)
