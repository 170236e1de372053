"""What the notebook controller does: the StatefulSet that it makes, and its reconcile."""

import time
from typing import Any

from tests.rig.cluster import Cluster, wait


def desired() -> dict[str, Any]:
    """Return what generateStatefulSet of the notebook controller 0.7 makes: fsGroup 100 where nobody set a context."""
    container = {"name": "nb", "image": "example", "workingDir": "/home/jovyan", "ports": [{"containerPort": 8888}]}
    labels = {"statefulset": "nb", "notebook-name": "nb"}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "nb"},
        "spec": {
            "replicas": 1,
            "serviceName": "",
            "selector": {"matchLabels": {"statefulset": "nb"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "securityContext": {"fsGroup": 100}},
            },
        },
    }


def reconcile(cluster: Cluster, path: str) -> dict[str, Any]:
    """Do as CopyStatefulSetFields and Update: the live object with the whole desired pod spec put in its place."""
    live = cluster.request("GET", path).body
    live["spec"]["replicas"] = desired()["spec"]["replicas"]
    live["spec"]["template"]["spec"] = desired()["spec"]["template"]["spec"]
    answer = cluster.request("PUT", path, live)
    assert answer.status == 200, answer.body
    return answer.body


def settled(cluster: Cluster, path: str) -> dict[str, Any]:
    """Wait until the StatefulSet's controller has nothing more to say in its status."""
    seen = [cluster.request("GET", path).body]

    def unchanged() -> bool:
        time.sleep(0.5)
        seen.append(cluster.request("GET", path).body)
        versions = {each["metadata"]["resourceVersion"] for each in seen[-2:]}
        return len(versions) == 1

    wait(unchanged, "quiet StatefulSet")
    return seen[-1]


def notebook(name: str, **pod_spec: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": name, "image": "example"}], **pod_spec}
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "Notebook",
        "metadata": {"name": name},
        "spec": {"template": {"spec": spec}},
    }
