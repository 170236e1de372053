"""One workload of each built-in kind, and how kubectl applies and reads it on the rig."""

import json
from typing import Any

from tests.rig.cluster import Cluster, wait
from tests.support.installed import OPTED_IN
from webhook.objects.model import lookup

LABELS = {"app": "it"}
IDENTITY = {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 100}
CONTAINER = {"name": "main", "image": "example", "securityContext": {"runAsUser": 999}}


def template(**more: Any) -> dict[str, Any]:
    return {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER], "securityContext": IDENTITY, **more}}


def workload(kind: str, api_version: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "it"}, "spec": spec}


SELECTED = {"selector": {"matchLabels": LABELS}, "template": template()}
JOB = {"template": template(restartPolicy="Never")}
WORKLOADS = {
    "deployments.apps": workload("Deployment", "apps/v1", SELECTED),
    "statefulsets.apps": workload("StatefulSet", "apps/v1", {**SELECTED, "serviceName": "it"}),
    "daemonsets.apps": workload("DaemonSet", "apps/v1", SELECTED),
    "replicasets.apps": workload("ReplicaSet", "apps/v1", SELECTED),
    "replicationcontrollers": workload("ReplicationController", "v1", {"template": template()}),
    "jobs.batch": workload("Job", "batch/v1", JOB),
    "cronjobs.batch": workload("CronJob", "batch/v1", {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": JOB}}),
}
SERVER_SIDE = ("--server-side", "--force-conflicts")


def pod_spec(stored: dict[str, Any]) -> dict[str, Any]:
    at = ("spec", "jobTemplate", "spec", "template") if stored["kind"] == "CronJob" else ("spec", "template")
    spec: dict[str, Any] = lookup(stored, (*at, "spec"))
    return spec


def get(cluster: Cluster, where: str, resource: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.kubectl("get", resource, "it", "-n", where, "-o", "json").stdout)
    return found


def names(cluster: Cluster, where: str, resource: str) -> str:
    return cluster.kubectl("get", resource, "-n", where, "-o", "name").stdout.strip()


def apply(cluster: Cluster, where: str, obj: dict[str, Any], *arguments: str) -> None:
    cluster.kubectl("apply", "-n", where, *arguments, "-f", "-", send=json.dumps(obj))


def opt_in(cluster: Cluster, where: str) -> None:
    """Let the webhook come to a namespace that had lived without it."""
    cluster.kubectl("label", "namespace", where, *(f"{key}={value}" for key, value in OPTED_IN.items()))
    body = {**WORKLOADS["replicasets.apps"], "metadata": {"name": "probe"}}
    path = f"/apis/apps/v1/namespaces/{where}/replicasets?dryRun=All"
    wait(lambda: "fsGroup" not in pod_spec(cluster.make(path, body))["securityContext"], "review of a dry run")
