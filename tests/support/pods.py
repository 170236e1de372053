"""Pods that run on the rig's node, and disks for them."""

from typing import Any

from tests.rig.cluster import Cluster, wait
from tests.rig.node.images import PYTHON
from tests.rig.node.node import Node
from tests.rig.node.settings import NAME

SLEEP = {"name": "main", "image": PYTHON, "command": ["sh", "-c", "trap exit TERM; sleep infinity & wait"]}
LISTEN = {"name": "main", "image": PYTHON, "command": ["timeout", "3600", "python3", "-m", "http.server", "8888"]}
"""They end when they are told to, rather than after the 30 s of grace."""


def running(cluster: Cluster, where: str, selector: str, *, count: int = 1) -> list[dict[str, Any]]:
    """Wait until as many pods with some labels are ready, and no other is left; return them."""
    path = f"/api/v1/namespaces/{where}/pods?labelSelector={selector}"

    def ready() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = cluster.request("GET", path).body["items"]
        return found if len(found) == count and all(map(is_ready, found)) else []

    return wait(ready, f"{count} ready pods with {selector} in {where}", 120)


def is_ready(pod: dict[str, Any]) -> bool:
    """Check whether a pod is ready and not being deleted."""
    conditions = pod["status"].get("conditions", [])
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def run(cluster: Cluster, pod: dict[str, Any], *command: str) -> str:
    """Run a command in a pod, and return what it printed."""
    name, where = pod["metadata"]["name"], pod["metadata"]["namespace"]
    return cluster.kubectl("exec", "-n", where, name, "--", *command).stdout


def first_uid(cluster: Cluster, where: str) -> str:
    """Return the UID that SCC gives the pods of a namespace."""
    annotations = cluster.request("GET", f"/api/v1/namespaces/{where}").body["metadata"]["annotations"]
    return str(annotations["openshift.io/sa.scc.uid-range"].partition("/")[0])


def main_process(node: Node, pod: dict[str, Any]) -> int:
    """Return the pid, on the node, of a pod's container."""
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    tasks = node.run("ctr", "-n", "k8s.io", "tasks", "ls").splitlines()
    return next(int(line.split()[1]) for line in tasks if line.startswith(container))


def disk(node: Node, where: str, name: str, owner: int = 0) -> str:
    """Make a volume on the node, to which the kubelet gives the pod's fsGroup, and a claim of it; return its folder."""
    folder = f"/var/lib/disks/{where}-{name}"
    node.run("install", "--directory", f"--owner={owner}", f"--group={owner}", folder)
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NAME]}
    size = {"storage": "1Gi"}
    spec = {
        "capacity": size,
        "accessModes": ["ReadWriteOnce"],
        "local": {"path": folder},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
    }
    node.cluster.make("/api/v1/persistentvolumes", {"metadata": {"name": f"{where}-{name}"}, "spec": spec})
    wanted = {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": size}}
    claims = f"/api/v1/namespaces/{where}/persistentvolumeclaims"
    node.cluster.make(claims, {"metadata": {"name": name}, "spec": {**wanted, "volumeName": f"{where}-{name}"}})
    return folder
