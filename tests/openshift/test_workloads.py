"""Every built-in kind through the API server: created, updated, applied again, and stored before the installation."""

import copy
import json
from typing import Any

import pytest

from tests.rig.cluster import Cluster, wait
from tests.support.installed import CONFIGURATIONS, OPTED_IN, deployed, namespace, register
from tests.support.server import Server
from tests.support.workloads import IDENTITY, SERVER_SIDE, WORKLOADS, apply, get, names, opt_in, pod_spec, template


@pytest.fixture(params=[(), SERVER_SIDE], ids=["client-side", "server-side"])
def how(request: pytest.FixtureRequest) -> tuple[str, ...]:
    arguments: tuple[str, ...] = request.param
    return arguments


@pytest.mark.parametrize("resource", WORKLOADS)
def test_it_is_rewritten_and_can_be_applied_again_without_a_new_generation(
    cluster: Cluster, resource: str, how: tuple[str, ...]
) -> None:
    where = namespace(cluster, f"{resource.replace('.', '-')}-{'server' if how else 'client'}", **OPTED_IN)
    apply(cluster, where, WORKLOADS[resource], *how)
    made = get(cluster, where, resource)
    assert pod_spec(made)["securityContext"] == {"runAsNonRoot": True}
    assert pod_spec(made)["containers"][0].get("securityContext", {}) == {}

    apply(cluster, where, WORKLOADS[resource], *how)
    again = get(cluster, where, resource)
    assert again["metadata"]["generation"] == made["metadata"]["generation"] == 1
    assert pod_spec(again) == pod_spec(made)

    diff = cluster.kubectl("diff", "-n", where, *how, "-f", "-", send=json.dumps(WORKLOADS[resource]), check=False)
    assert (diff.returncode, diff.stdout) == (0, "")


def test_a_job_stored_before_us_can_be_updated_suspended_finalised_and_deleted(cluster: Cluster) -> None:
    where = namespace(cluster, "job-before")
    apply(cluster, where, WORKLOADS["jobs.batch"])
    before = get(cluster, where, "jobs.batch")
    assert pod_spec(before)["securityContext"] == IDENTITY
    opt_in(cluster, where)

    cluster.kubectl("annotate", "job", "it", "-n", where, "touched=yes")
    apply(cluster, where, WORKLOADS["jobs.batch"])
    patch(cluster, where, {"spec": {"suspend": True}})
    patch(cluster, where, {"metadata": {"finalizers": ["example.io/hold"]}})
    assert pod_spec(get(cluster, where, "jobs.batch")) == pod_spec(before)

    cluster.kubectl("delete", "job", "it", "-n", where, "--wait=false")
    assert get(cluster, where, "jobs.batch")["metadata"]["deletionTimestamp"]
    patch(cluster, where, {"metadata": {"finalizers": None}})
    wait(lambda: not names(cluster, where, "jobs"), "end of the Job")


def patch(cluster: Cluster, where: str, body: dict[str, Any]) -> None:
    cluster.kubectl("patch", "job", "it", "-n", where, "--type=merge", "-p", json.dumps(body))


def test_a_job_rewritten_on_create_only_cannot_be_applied_again(cluster: Cluster, webhook: Server) -> None:
    label = {"job-create-only": "enabled"}
    entry = copy.deepcopy(deployed()["webhooks"][0])
    entry["namespaceSelector"] = {"matchLabels": label}
    for rule in entry["rules"]:
        rule["operations"] = ["CREATE"]
    naive = {**deployed(), "metadata": {"name": "zz-job-create-only"}, "webhooks": [entry]}
    register(cluster, webhook, naive)
    try:
        where = namespace(cluster, "job-create-only", **label)
        path, dry = f"/apis/batch/v1/namespaces/{where}/jobs", "?dryRun=All"
        job = WORKLOADS["jobs.batch"]
        wait(lambda: "fsGroup" not in pod_spec(cluster.make(path + dry, job))["securityContext"], "review")
        apply(cluster, where, job)
        again = cluster.kubectl("apply", "-n", where, "-f", "-", send=json.dumps(job), check=False)
        assert again.returncode == 1
        assert "field is immutable" in again.stderr
    finally:
        cluster.request("DELETE", f"{CONFIGURATIONS}/zz-job-create-only")


def test_a_pod_stored_before_us_can_be_updated_finalised_and_deleted(cluster: Cluster) -> None:
    where = namespace(cluster, "pod-before")
    pod = {"metadata": {"name": "it"}, "spec": template()["spec"]}
    path = f"/api/v1/namespaces/{where}/pods"
    before = cluster.make(path, pod)  # by an administrator, who may use anyuid
    opt_in(cluster, where)

    for change in ({"labels": {"touched": "yes"}}, {"finalizers": ["example.io/hold"]}):
        kind = "application/merge-patch+json"
        answer = cluster.request("PATCH", f"{path}/it", {"metadata": change}, content_type=kind)
        assert (answer.status, answer.body["spec"]) == (200, before["spec"])
    cluster.request("DELETE", f"{path}/it")
    release = {"metadata": {"finalizers": None}}
    cluster.request("PATCH", f"{path}/it", release, content_type="application/merge-patch+json")
    wait(lambda: cluster.request("GET", f"{path}/it").status == 404, "end of the Pod")


def test_an_object_being_deleted_is_never_patched(cluster: Cluster) -> None:
    where = namespace(cluster, "deleted")
    held = copy.deepcopy(WORKLOADS["deployments.apps"])
    held["metadata"]["finalizers"] = ["example.io/hold"]
    apply(cluster, where, held)
    cluster.kubectl("delete", "deployment", "it", "-n", where, "--wait=false")
    opt_in(cluster, where)
    cluster.kubectl("annotate", "deployment", "it", "-n", where, "touched=yes")
    assert pod_spec(get(cluster, where, "deployments.apps"))["securityContext"] == IDENTITY
    cluster.kubectl("patch", "deployment", "it", "-n", where, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    wait(lambda: not names(cluster, where, "deployments"), "its end")


def test_the_replica_set_of_a_deployment_is_left_alone(cluster: Cluster) -> None:
    where = namespace(cluster, "owned")
    apply(cluster, where, WORKLOADS["deployments.apps"])
    owned = wait(lambda: names(cluster, where, "replicasets"), "its ReplicaSet")
    opt_in(cluster, where)
    cluster.kubectl("annotate", owned, "-n", where, "touched=yes")
    stored = json.loads(cluster.kubectl("get", owned, "-n", where, "-o", "json").stdout)
    assert pod_spec(stored)["securityContext"] == IDENTITY
