"""Workloads that run under a grant, what an ordinary day does to them, and what a rejection looks like."""

import copy
from typing import Any

from tests.rig.cluster import Cluster, wait
from tests.support.installed import deployment, mark_ready, namespace
from tests.support.workloads import SERVER_SIDE, apply, get, opt_in, pod_spec

GRANTED = {"securityContext": {"runAsUser": 999, "fsGroup": 999}}
PRIVILEGED = {"name": "debug", "image": "example", "securityContext": {"privileged": True}}
REWRITTEN = {"runAsNonRoot": True}
RESOURCES = ("deployment", "statefulset", "daemonset", "replicaset", "cronjob")
SCALED, ROLLED_BACK = RESOURCES[:2] + RESOURCES[3:4], RESOURCES[:3]

Object = dict[str, Any]
MERGE = "application/merge-patch+json"


def workload(resource: str, **pod_spec: Any) -> Object:
    """Return a small workload whose pods have the given fields."""
    kinds = {"statefulset": "StatefulSet", "daemonset": "DaemonSet", "replicaset": "ReplicaSet"}
    made = {**deployment("it", **pod_spec), "kind": kinds.get(resource, "Deployment")}
    if resource == "statefulset":
        made["spec"]["serviceName"] = "it"
    if resource != "cronjob":
        return made
    job = {"template": {"spec": {**made["spec"]["template"]["spec"], "restartPolicy": "Never"}}}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "it"}, "spec": spec}


def grant(cluster: Cluster, where: str, scc: str) -> None:
    """Let the namespace's default account use an SCC, as an administrator would."""
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": where}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"system:openshift:scc:{scc}"}
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{where}/rolebindings"
    cluster.make(path, {"metadata": {"name": scc}, "subjects": [subject], "roleRef": role})


def pods(cluster: Cluster, where: str) -> list[Object]:
    items: list[Object] = cluster.request("GET", f"/api/v1/namespaces/{where}/pods").body["items"]
    return items


def identities(cluster: Cluster, where: str) -> set[tuple[Any, ...]]:
    """Return the UID, the fsGroup and the SCC of every pod."""
    of = [
        (pod["spec"]["securityContext"], pod["metadata"]["annotations"]["openshift.io/scc"])
        for pod in pods(cluster, where)
    ]
    return {(context.get("runAsUser"), context.get("fsGroup"), scc) for context, scc in of}


def running(cluster: Cluster, resource: str, where: str) -> Object:
    """Make a workload that runs under anyuid as its image wants; let the webhook come; return what is stored."""
    namespace(cluster, where)
    grant(cluster, where, "anyuid")
    apply(cluster, where, workload(resource, **GRANTED))
    if resource != "cronjob":
        ready(cluster, where)
        assert identities(cluster, where) == {(999, 999, "anyuid")}
    opt_in(cluster, where)
    settle(cluster, where, resource)
    return get(cluster, where, resource)


def ready(cluster: Cluster, where: str) -> None:
    wait(lambda: pods(cluster, where), "pod")
    mark_ready(cluster, f"/api/v1/namespaces/{where}/pods")


def settle(cluster: Cluster, where: str, resource: str) -> None:
    """Wait until the status speaks of what is stored."""
    if resource != "cronjob":
        wait(lambda: observed(get(cluster, where, resource)), "observed generation")


def observed(stored: Object) -> bool:
    return bool(stored.get("status", {}).get("observedGeneration") == stored["metadata"]["generation"])


def missing(cluster: Cluster, where: str, resource: str) -> bool:
    """Check whether the workload's status says that pods of what is stored are not there."""
    stored = get(cluster, where, resource)
    status = stored.get("status", {})
    failed = any(each["type"] == "ReplicaFailure" and each["status"] == "True" for each in status.get("conditions", ()))
    wanted = status.get("desiredNumberScheduled", stored["spec"].get("replicas", 0))
    there = status.get("currentNumberScheduled", status.get("replicas", 0))
    return observed(stored) and (failed if resource in ("deployment", "replicaset") else there < wanted)


def set_status(cluster: Cluster, where: str, status: Object) -> None:
    for pod in pods(cluster, where):
        path = f"/api/v1/namespaces/{where}/pods/{pod['metadata']['name']}/status"
        assert cluster.request("PATCH", path, {"status": status}, content_type=MERGE).status == 200


def label(cluster: Cluster, where: str, resource: str) -> None:
    cluster.kubectl("label", resource, "it", "-n", where, "--overwrite", "touched=yes")


def annotate(cluster: Cluster, where: str, resource: str) -> None:
    cluster.kubectl("annotate", resource, "it", "-n", where, "--overwrite", "touched=yes")


def apply_again(cluster: Cluster, where: str, resource: str) -> None:
    apply(cluster, where, workload(resource, **GRANTED), *SERVER_SIDE)


def scale(cluster: Cluster, where: str, resource: str) -> None:
    if resource in SCALED:
        cluster.kubectl("scale", resource, "it", "-n", where, "--replicas=2")
        cluster.kubectl("patch", resource, "it", "-n", where, "--type=merge", "-p", '{"spec":{"replicas":1}}')


def scale_to_zero_and_back(cluster: Cluster, where: str, resource: str) -> None:
    for number in (0, 1) if resource in SCALED else ():
        cluster.kubectl(
            "patch", resource, "it", "-n", where, "--type=merge", "-p", f'{{"spec":{{"replicas":{number}}}}}'
        )
        wait(lambda: len(pods(cluster, where)) == number, "the requested pods")  # noqa: B023
        label(cluster, where, resource)
        annotate(cluster, where, resource)


def not_ready(cluster: Cluster, where: str, resource: str) -> None:
    set_status(cluster, where, {"conditions": [{"type": "Ready", "status": "False"}]})
    settle(cluster, where, resource)
    annotate(cluster, where, resource)
    cluster.kubectl("annotate", resource, "it", "-n", where, "touched=again", "--overwrite")


def crash_loop(cluster: Cluster, where: str, resource: str) -> None:
    waiting = {"name": "main", "restartCount": 9, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    more = {"image": "example", "imageID": "", "ready": False}
    unready = [{"type": "Ready", "status": "False"}]
    set_status(cluster, where, {"conditions": unready, "containerStatuses": [waiting | more]})
    settle(cluster, where, resource)
    apply_again(cluster, where, resource)
    label(cluster, where, resource)


def bad_update_taken_back(cluster: Cluster, where: str, resource: str) -> None:
    update_badly(cluster, where, resource)
    apply_again(cluster, where, resource)
    recover(cluster, where, resource)


def bad_update_undone(cluster: Cluster, where: str, resource: str) -> None:
    if resource in ROLLED_BACK:
        update_badly(cluster, where, resource)
        cluster.kubectl("rollout", "undo", f"{resource}/it", "-n", where)
        recover(cluster, where, resource)


def update_badly(cluster: Cluster, where: str, resource: str) -> None:
    """Add a privileged container, which anyuid does not admit."""
    ready(cluster, where) if resource != "cronjob" else None
    bad = copy.deepcopy(workload(resource, **GRANTED))
    pod_spec(bad)["containers"].append(PRIVILEGED)
    apply(cluster, where, bad, *SERVER_SIDE)
    if resource == "replicaset":
        cluster.kubectl("delete", "pod", "-n", where, "--all", "--force")
    if resource != "cronjob":
        wait(lambda: missing(cluster, where, resource), "rejection of the privileged container")
    label(cluster, where, resource)


def recover(cluster: Cluster, where: str, resource: str) -> None:
    if resource != "cronjob":
        wait(lambda: identities(cluster, where) == {(999, 999, "anyuid")}, "pod as before")
