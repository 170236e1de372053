"""Running workloads stay, any client may write them; rejected ones are fixed by the next update (law 6)."""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.rig.cluster import Cluster, wait
from tests.support.granted import (
    GRANTED,
    RESOURCES,
    REWRITTEN,
    ROLLED_BACK,
    annotate,
    apply_again,
    bad_update_taken_back,
    bad_update_undone,
    crash_loop,
    grant,
    identities,
    label,
    missing,
    not_ready,
    pods,
    ready,
    running,
    scale,
    scale_to_zero_and_back,
    settle,
    workload,
)
from tests.support.installed import OPTED_IN, mark_ready, namespace
from tests.support.workloads import SERVER_SIDE, apply, get, names, opt_in, pod_spec


@pytest.fixture(autouse=True)
def node(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a DaemonSet have one pod: the node is new each time, for after a minute without a kubelet it gets none."""
    if "daemonset" not in request.node.name:
        yield
        return
    cluster.make("/api/v1/nodes", {"metadata": {"name": "node"}})
    yield
    cluster.request("DELETE", "/api/v1/nodes/node")


STEPS = (
    *(label, annotate, apply_again, scale, not_ready, crash_loop),
    *(bad_update_taken_back, bad_update_undone, scale_to_zero_and_back),
)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: str(step.__name__))
@pytest.mark.parametrize("resource", RESOURCES)
def test_a_granted_identity_stays(cluster: Cluster, resource: str, step: Callable[[Cluster, str, str], None]) -> None:
    where = f"{resource}-{step.__name__.replace('_', '-')}"
    before = running(cluster, resource, where)
    names_before = names(cluster, where, "pods")
    step(cluster, where, resource)
    after = get(cluster, where, resource)
    assert pod_spec(after) == pod_spec(before)
    if resource == "cronjob":
        return
    if step in (label, annotate, apply_again, not_ready, crash_loop):
        settle(cluster, where, resource)
        assert names(cluster, where, "pods") == names_before
    cluster.kubectl("delete", "pod", "-n", where, "--all", "--force")
    wait(lambda: identities(cluster, where) == {(999, 999, "anyuid")}, "successor with the same identity")


def test_the_generation_of_a_granted_deployment_moves_as_before(cluster: Cluster) -> None:
    """An annotation alone raises a Deployment's generation, so compare with another in a namespace that is not sent."""
    moved = {}
    for where in ("granted-before", "granted-after"):
        namespace(cluster, where)
        grant(cluster, where, "anyuid")
        apply(cluster, where, workload("deployment", **GRANTED))
        ready(cluster, where)
        if where == "granted-after":
            opt_in(cluster, where)
        before = get(cluster, where, "deployment")
        label(cluster, where, "deployment")
        assert get(cluster, where, "deployment")["metadata"]["generation"] == before["metadata"]["generation"]
        for step in (annotate, apply_again, scale):
            step(cluster, where, "deployment")
        after = get(cluster, where, "deployment")
        moved[where] = after["metadata"]["generation"] - before["metadata"]["generation"]
        assert len(names(cluster, where, "replicasets").split()) == 1
    assert moved["granted-after"] == moved["granted-before"]


def test_a_new_container_beside_a_granted_one_stays_as_it_is_written(cluster: Cluster) -> None:
    where = "granted-more"
    running(cluster, "deployment", where)
    body = workload("deployment", **GRANTED)
    added = {"name": "exporter", "image": "example", "securityContext": {"runAsUser": 65534}}
    pod_spec(body)["containers"].insert(0, added)
    apply(cluster, where, body)
    spec = pod_spec(get(cluster, where, "deployment"))
    assert spec["securityContext"] == GRANTED["securityContext"]
    assert spec["containers"][0]["securityContext"] == {"runAsUser": 65534}
    wait(lambda: len(pods(cluster, where)) > 1, "pod of the new template")
    assert {scc for *_, scc in identities(cluster, where)} == {"anyuid"}


def test_an_update_that_a_granted_scc_rejected_can_be_taken_back(cluster: Cluster) -> None:
    """The account may use nonroot-v2: root is rejected for its UID, yet the restored UID was granted."""
    where = namespace(cluster, "granted-nonroot")
    grant(cluster, where, "nonroot-v2")
    apply(cluster, where, workload("deployment", **GRANTED))
    ready(cluster, where)
    opt_in(cluster, where)
    root = workload("deployment", **GRANTED | {"securityContext": {"runAsUser": 0, "fsGroup": 999}})
    apply(cluster, where, root, *SERVER_SIDE)
    wait(lambda: missing(cluster, where, "deployment"), "rejection of root")
    apply_again(cluster, where, "deployment")
    assert pod_spec(get(cluster, where, "deployment"))["securityContext"] == GRANTED["securityContext"]
    assert identities(cluster, where) == {(999, 999, "nonroot-v2")}


@pytest.mark.parametrize("resource", [*RESOURCES[:4], "replicationcontroller"])
def test_what_was_rejected_before_is_saved_by_its_next_update(cluster: Cluster, resource: str) -> None:
    where = namespace(cluster, f"rejected-{resource}")
    body = workload(resource, securityContext=GRANTED["securityContext"])
    if resource == "replicationcontroller":
        body |= {"kind": "ReplicationController", "apiVersion": "v1", "spec": {"template": body["spec"]["template"]}}
    apply(cluster, where, body)
    wait(lambda: missing(cluster, where, resource), "rejection")
    assert pods(cluster, where) == []

    opt_in(cluster, where)
    annotate(cluster, where, resource)
    assert pod_spec(get(cluster, where, resource))["securityContext"] == REWRITTEN
    saved = wait(lambda: pods(cluster, where), "pod")
    assert saved[0]["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"


@pytest.mark.parametrize("resource", ROLLED_BACK)
def test_what_is_rejected_while_older_pods_are_ready_is_saved_by_its_next_update(
    cluster: Cluster, resource: str
) -> None:
    """An upgrade of Kubeflow before the webhook: the new UIDs are stored and rejected, older pods still run."""
    where = namespace(cluster, f"half-upgraded-{resource}")
    replicas = {} if resource == "daemonset" else {"replicas": 2}
    older, newer = (workload(resource, **more) for more in ({}, {"securityContext": GRANTED["securityContext"]}))
    for body in (older, newer):
        body["spec"] |= replicas
    apply(cluster, where, older)
    for number in range(1, replicas.get("replicas", 1) + 1):
        wait(lambda: len(pods(cluster, where)) >= number, "older pods")  # noqa: B023
        mark_ready(cluster, f"/api/v1/namespaces/{where}/pods")
    apply(cluster, where, newer)
    wait(lambda: missing(cluster, where, resource), "rejection")
    there = {pod["metadata"]["uid"] for pod in pods(cluster, where)}
    assert there or resource == "daemonset"

    opt_in(cluster, where)
    apply(cluster, where, newer, *SERVER_SIDE)
    assert pod_spec(get(cluster, where, resource))["securityContext"] == REWRITTEN
    new = wait(lambda: [pod for pod in pods(cluster, where) if pod["metadata"]["uid"] not in there], "new pod")
    assert new[0]["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"


def test_a_cron_job_stays_as_it_is_stored_and_its_jobs_are_rewritten(cluster: Cluster) -> None:
    where = namespace(cluster, "cron-job-before")
    apply(cluster, where, workload("cronjob", securityContext=GRANTED["securityContext"]))
    opt_in(cluster, where)
    annotate(cluster, where, "cronjob")
    assert pod_spec(get(cluster, where, "cronjob"))["securityContext"] == GRANTED["securityContext"]
    cluster.kubectl("create", "job", "it", "--from=cronjob/it", "-n", where)
    assert pod_spec(get(cluster, where, "job"))["securityContext"] == REWRITTEN
    saved = wait(lambda: pods(cluster, where), "pod")
    assert saved[0]["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"


def test_a_daemon_set_with_host_path_and_uid_0_is_left_alone(cluster: Cluster) -> None:
    where = namespace(cluster, "node-component", **OPTED_IN)
    host = {"name": "host", "hostPath": {"path": "/var/lib"}}
    body = workload("daemonset", volumes=[host], securityContext={"runAsUser": 0, "fsGroup": 0})
    apply(cluster, where, body)
    assert pod_spec(get(cluster, where, "daemonset"))["securityContext"] == {"runAsUser": 0, "fsGroup": 0}


def test_root_beside_a_run_as_non_root_that_stayed_is_warned_of(cluster: Cluster) -> None:
    where = namespace(cluster, "now-root")
    grant(cluster, where, "anyuid")
    apply(cluster, where, workload("deployment", **GRANTED | {"securityContext": {"runAsUser": 999, **REWRITTEN}}))
    opt_in(cluster, where)
    body = json.dumps({"spec": {"template": {"spec": {"securityContext": {"runAsUser": 0}}}}})
    done = cluster.kubectl("patch", "deployment", "it", "-n", where, "--type=merge", "-p", body)
    assert pod_spec(get(cluster, where, "deployment"))["securityContext"] == {"runAsUser": 0, **REWRITTEN}
    assert "set runAsNonRoot: false" in done.stderr
