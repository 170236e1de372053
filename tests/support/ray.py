"""KubeRay on a node, and upstream's sample of a cluster as a user whose image has UID 1000 writes it."""

from typing import Any, Final

from tests.rig.cluster import Cluster
from tests.rig.node.node import Node
from tests.rig.real import controllers
from webhook.manifests import reader

CLUSTERS: Final = "/apis/ray.io/v1/namespaces/{}/rayclusters"
SAMPLE: Final = "config/samples/ray-cluster.sample.yaml"
NAME: Final = "raycluster-kuberay"
IDS: Final = {"runAsUser": 1000, "fsGroup": 100}
CALLS: Final = """
import os, ray
ray.init(address="auto", log_to_driver=False)
@ray.remote(num_cpus=0, scheduling_strategy="SPREAD")
def who():
    return os.getuid(), os.uname().nodename
seen = ray.get([who.remote() for _ in range(20)])
print("20 calls as", *{uid for uid, _ in seen}, "on", len({node for _, node in seen}), "nodes")
"""
"""A program that calls a function on every node of a Ray cluster."""
Object = dict[str, Any]


def install(node: Node) -> None:
    """Apply KubeRay's own overlay, and wait until the operator is available."""
    node.load(*controllers.ray_images())
    overlay = controllers.source_of(controllers.KUBERAY, controllers.RAY) / "config/default"
    node.cluster.kubectl("apply", "--server-side", "-k", str(overlay))
    node.cluster.kubectl("wait", "deployment/kuberay-operator", "--for=condition=Available", "--timeout=100s")


def create(cluster: Cluster, where: str) -> str:
    """Create upstream's sample with the IDs of its image and without its requests; return its path."""
    file = controllers.source_of(controllers.KUBERAY, controllers.RAY) / SAMPLE
    obj: Object = reader.one_document(file).value
    groups = [obj["spec"]["headGroupSpec"], *obj["spec"]["workerGroupSpecs"]]
    for group in groups:
        group["template"]["spec"]["securityContext"] = IDS
        for container in group["template"]["spec"]["containers"]:
            container["resources"] = {"requests": {"cpu": "100m", "memory": "200Mi"}}
    cluster.make(CLUSTERS.format(where), obj)
    return f"{CLUSTERS.format(where)}/{NAME}"
