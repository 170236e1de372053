"""Installing or upgrading us restarts nobody: what works as it is stays (law 6)."""

from typing import Any

import pytest

from tests.installed import OPTED_IN, deployment, mark_ready, namespace
from tests.rig.cluster import Cluster, wait
from tests.test_rig_workloads import SERVER_SIDE, apply, get, names, opt_in, pod_spec

pytestmark = pytest.mark.rig

RUNS_AS_999 = {"securityContext": {"runAsUser": 999, "fsGroup": 999}}


def grant(cluster: Cluster, where: str, scc: str) -> None:
    """Let the namespace's default account use an SCC, as an administrator would."""
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": where}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"system:openshift:scc:{scc}"}
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{where}/rolebindings"
    cluster.make(path, {"metadata": {"name": scc}, "subjects": [subject], "roleRef": role})


def pods(cluster: Cluster, where: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = cluster.request("GET", f"/api/v1/namespaces/{where}/pods").body["items"]
    return items


def running_as_999(cluster: Cluster, where: str) -> dict[str, Any]:
    """Make a Deployment that runs under anyuid as its image wants, and return it with its replica ready."""
    namespace(cluster, where)
    grant(cluster, where, "anyuid")
    apply(cluster, where, deployment("it", **RUNS_AS_999))
    wait(lambda: pods(cluster, where), "pod")
    assert pods(cluster, where)[0]["metadata"]["annotations"]["openshift.io/scc"] == "anyuid"
    mark_ready(cluster, f"/api/v1/namespaces/{where}/pods")
    wait(lambda: get(cluster, where, "deployment")["status"].get("readyReplicas"), "ready replica")
    return get(cluster, where, "deployment")


def test_a_deployment_that_runs_as_999_under_a_granted_anyuid_stays_as_it_is(cluster: Cluster) -> None:
    """Also its generation; an annotation of a Deployment moves that by itself, so it is held against one without us."""
    moved = {}
    for where in ("granted-without", "granted-with"):
        before = running_as_999(cluster, where)
        if where == "granted-with":
            opt_in(cluster, where)
        cluster.kubectl("label", "deployment", "it", "-n", where, "touched=yes")
        assert get(cluster, where, "deployment")["metadata"]["generation"] == before["metadata"]["generation"]
        cluster.kubectl("annotate", "deployment", "it", "-n", where, "touched=yes")
        apply(cluster, where, deployment("it", **RUNS_AS_999), *SERVER_SIDE)  # the other kind would send nothing
        cluster.kubectl("scale", "deployment", "it", "-n", where, "--replicas=2")
        after = get(cluster, where, "deployment")
        assert after["spec"]["template"] == before["spec"]["template"]
        moved[where] = after["metadata"]["generation"] - before["metadata"]["generation"]
        assert len(names(cluster, where, "replicasets").split()) == 1
    assert moved["granted-with"] == moved["granted-without"]


def test_a_new_container_of_it_is_rewritten_and_the_granted_one_stays(cluster: Cluster) -> None:
    where = "granted-more"
    running_as_999(cluster, where)
    opt_in(cluster, where)
    body = deployment("it", **RUNS_AS_999)
    added = {"name": "added", "image": "example", "securityContext": {"runAsUser": 1000}}
    body["spec"]["template"]["spec"]["containers"].insert(0, added)
    apply(cluster, where, body)
    spec = pod_spec(get(cluster, where, "deployment"))
    assert spec["securityContext"] == RUNS_AS_999["securityContext"]
    assert spec["containers"][0]["securityContext"] == {"runAsNonRoot": True}


def test_a_deployment_that_scc_refused_is_saved_by_its_next_update(cluster: Cluster) -> None:
    where = namespace(cluster, "refused")
    apply(cluster, where, deployment("it", **RUNS_AS_999))
    wait(lambda: replica_failure(cluster, where), "refusal")
    assert pods(cluster, where) == []

    opt_in(cluster, where)
    cluster.kubectl("annotate", "deployment", "it", "-n", where, "touched=yes")
    assert pod_spec(get(cluster, where, "deployment"))["securityContext"] == {"runAsNonRoot": True}
    saved = wait(lambda: pods(cluster, where), "pod")
    assert saved[0]["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"


def test_one_whose_older_pods_are_ready_while_the_stored_ones_are_refused_is_saved(cluster: Cluster) -> None:
    """An upgrade of Kubeflow before us: the new UIDs are stored and refused, pods of the old template still run."""
    where = namespace(cluster, "half-upgraded")
    apply(cluster, where, deployment("it"))
    wait(lambda: pods(cluster, where), "pod")
    mark_ready(cluster, f"/api/v1/namespaces/{where}/pods")
    wait(lambda: get(cluster, where, "deployment")["status"].get("readyReplicas"), "ready replica")
    apply(cluster, where, deployment("it", **RUNS_AS_999))
    wait(lambda: replica_failure(cluster, where), "refusal")
    assert get(cluster, where, "deployment")["status"]["readyReplicas"] == 1

    opt_in(cluster, where)
    apply(cluster, where, deployment("it", **RUNS_AS_999), *SERVER_SIDE)
    assert pod_spec(get(cluster, where, "deployment"))["securityContext"] == {"runAsNonRoot": True}
    wait(lambda: len(pods(cluster, where)) > 1, "pod of the new template")


def replica_failure(cluster: Cluster, where: str) -> bool:
    conditions = get(cluster, where, "deployment").get("status", {}).get("conditions", ())
    return any(each["type"] == "ReplicaFailure" and each["status"] == "True" for each in conditions)


def test_a_daemon_set_with_host_path_and_uid_0_is_left_alone(cluster: Cluster) -> None:
    where = namespace(cluster, "node-component", **OPTED_IN)
    host = {"name": "host", "hostPath": {"path": "/var/lib"}}
    body = deployment("it", volumes=[host], securityContext={"runAsUser": 0, "fsGroup": 0})
    apply(cluster, where, {**body, "kind": "DaemonSet"})
    stored = get(cluster, where, "daemonset")
    assert pod_spec(stored)["securityContext"] == {"runAsUser": 0, "fsGroup": 0}
