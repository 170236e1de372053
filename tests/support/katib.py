"""Katib on a node with a database, installed by its own kustomization, and upstream's example of an experiment."""

import copy
from typing import Any, Final

from tests.rig.cluster import Cluster
from tests.rig.node.node import Node
from tests.rig.node.settings import NAME
from tests.rig.real import controllers
from tests.support import rows, upstream
from webhook.manifests import reader

OVERLAY: Final = "manifests/v1beta1/installs/katib-with-kubeflow"
EXAMPLE: Final = "examples/v1beta1/hp-tuning/sobol.yaml"
EXPERIMENTS: Final = "/apis/kubeflow.org/v1beta1/namespaces/{}/experiments"
COLLECTS: Final = {"katib.kubeflow.org/metrics-collector-injection": "enabled"}
"""The label of namespaces in which Katib injects its collector."""
IDS: Final = {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000}
ABSENT: Final = ("VirtualService", "AuthorizationPolicy")
"""Kinds of Istio."""
DEPLOYMENTS: Final = ("katib-controller", "katib-db-manager", "katib-mysql")
Object = dict[str, Any]


def prepare(node: Node) -> None:
    """Load the images, and make the volume that the database's claim can have."""
    node.load(*controllers.katib_images())
    node.run("mkdir", "-p", "/var/lib/disks/katib")
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NAME]}
    spec = {
        "capacity": {"storage": "10Gi"},
        "accessModes": ["ReadWriteOnce"],
        "local": {"path": "/var/lib/disks/katib"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
        "claimRef": {"namespace": "kubeflow", "name": "katib-mysql"},
    }
    node.cluster.make("/api/v1/persistentvolumes", {"metadata": {"name": "katib"}, "spec": spec})


def apply(cluster: Cluster) -> None:
    """Apply Katib's own kustomization, but for Istio's objects and the user interface."""
    folder = controllers.source_of(controllers.KATIBS, controllers.KATIB) / OVERLAY
    text = cluster.kubectl("kustomize", str(folder)).stdout
    objects = [copy.deepcopy(each.value) for each in reader.documents(text, str(folder)) if each.value]
    for obj in objects:
        if obj["kind"] == "Deployment" and obj["metadata"]["name"] == "katib-ui":
            obj["spec"]["replicas"] = 0
    wanted = [obj for obj in objects if obj["kind"] not in ABSENT]
    upstream.apply(cluster, wanted, "--server-side", "--force-conflicts")


def available(cluster: Cluster) -> None:
    """Wait until all of Katib is available; the database's first probe comes after 15 s."""
    names = [f"deployment/{name}" for name in DEPLOYMENTS]
    cluster.kubectl("wait", "-n", "kubeflow", *names, "--for=condition=Available", "--timeout=115s")


def create(cluster: Cluster, where: str) -> str:
    """Create upstream's example with two trials and the IDs of their image; return its path.

    It has the name of its namespace: Katib mixes up two of one name in two namespaces.
    """
    file = controllers.source_of(controllers.KATIBS, controllers.KATIB) / EXAMPLE
    obj: Object = copy.deepcopy(reader.one_document(file).value)
    obj["metadata"] = {"name": where}
    obj["spec"] |= {"parallelTrialCount": 1, "maxTrialCount": 2, "maxFailedTrialCount": 1}
    obj["spec"]["trialTemplate"]["retain"] = True  # Katib deletes the Jobs of trials that have ended
    obj["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["securityContext"] = IDS
    cluster.make(EXPERIMENTS.format(where), obj)
    return f"{EXPERIMENTS.format(where)}/{where}"


def refusal(cluster: Cluster, where: str) -> str:
    """Return the first reason for which SCC refused a trial's pod, which its Job creates."""
    events = cluster.request("GET", f"/api/v1/namespaces/{where}/events").body["items"]
    said = (each["message"] for each in events if each["involvedObject"]["kind"] == "Job")
    return next((rows.reason(message) for message in said if "forbidden" in message), "")
