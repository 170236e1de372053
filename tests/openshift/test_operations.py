"""What docs/operations.md says of an upgrade, of a removal, and of the time in which nobody answers."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rig.cluster import Cluster, Response, wait
from tests.support.granted import grant
from tests.support.installed import (
    CONFIGURATIONS,
    OPTED_IN,
    asks,
    crd,
    deployed,
    deployment,
    install_again,
    mark_ready,
    namespace,
    refusals,
    register,
    serve,
    uninstall,
)
from tests.support.notebooks import desired, notebook, reconcile, settled
from tests.support.overlays import OVERLAYS, of_kind, rendered
from tests.support.server import Server, free_port
from webhook.registration.configuration import NAME

RUNS_AS_999 = {"securityContext": {"runAsUser": 999, "fsGroup": 999}}
ARGO = {"metadata": {"name": "workflow-controller-configmap"}, "data": {"containerRuntimeExecutor": "docker"}}
ROLE = {
    "metadata": {"name": "it"},
    "rules": [{"apiGroups": ["kubeflow.org"], "resources": ["notebooks"], "verbs": ["create"]}],
}


def sets_of(where: str) -> str:
    return f"/apis/apps/v1/namespaces/{where}/statefulsets"


def running_notebook(cluster: Cluster, where: str) -> dict[str, Any]:
    """Make the StatefulSet of a notebook, and return it with its pod ready."""
    cluster.make(sets_of(where), desired())
    pods = f"/api/v1/namespaces/{where}/pods"
    wait(lambda: cluster.request("GET", f"{pods}/nb-0").status == 200, "notebook's pod")
    mark_ready(cluster, pods)
    return settled(cluster, f"{sets_of(where)}/nb")


def pod_uids(cluster: Cluster, where: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in cluster.request("GET", f"/api/v1/namespaces/{where}/pods").body["items"]}


def generations(cluster: Cluster, where: str) -> dict[str, int]:
    return {
        f"{kind}/{each['metadata']['name']}": each["metadata"]["generation"]
        for kind in ("statefulsets", "deployments", "replicasets")
        for each in cluster.request("GET", f"/apis/apps/v1/namespaces/{where}/{kind}").body["items"]
    }


def older_version() -> dict[str, Any]:
    """Return the configuration as an older version could have installed it: one entry fewer, another number."""
    configuration = copy.deepcopy(deployed())
    del configuration["webhooks"][-1]
    for entry in configuration["webhooks"]:
        entry["timeoutSeconds"] = 3
    return configuration


@pytest.mark.parametrize("came_before_us", [False, True], ids=["made-with-us", "made-before-us"])
def test_an_upgrade_restarts_nobody(cluster: Cluster, webhook: Server, *, came_before_us: bool) -> None:
    """Neither rewritten workloads, nor those that ran with a granted identity before the installation."""
    register(cluster, webhook, older_version())
    wait(lambda: asks(cluster), "review of a dry run")
    where = namespace(cluster, f"upgrade-{came_before_us}".lower(), **({} if came_before_us else OPTED_IN))
    if came_before_us:
        grant(cluster, where, "anyuid")
    running_notebook(cluster, where)
    manifest = json.dumps(deployment("component", **RUNS_AS_999))
    apply = ("apply", "-n", where, "--server-side", "-f", "-")
    cluster.kubectl(*apply, send=manifest)
    wait(lambda: len(pod_uids(cluster, where)) == 2, "both pods")
    mark_ready(cluster, f"/api/v1/namespaces/{where}/pods")
    settled(cluster, f"/apis/apps/v1/namespaces/{where}/deployments/component")
    cluster.kubectl("label", "namespace", where, "kubeflow-openshift=enabled", "--overwrite")
    pods, before = pod_uids(cluster, where), generations(cluster, where)

    install_again(cluster, webhook)
    cluster.kubectl(*apply, send=manifest)
    reconcile(cluster, f"{sets_of(where)}/nb")
    settled(cluster, f"{sets_of(where)}/nb")

    assert generations(cluster, where) == before
    assert pod_uids(cluster, where) == pods
    assert refusals(cluster, where) == []


@pytest.fixture
def removed(cluster: Cluster, webhook: Server) -> Iterator[None]:
    """Come back after the test."""
    yield
    install_again(cluster, webhook)


@pytest.mark.usefixtures("removed")
def test_after_removal_a_notebook_stops_when_its_controller_writes_again(cluster: Cluster) -> None:
    where = namespace(cluster, "removed", **OPTED_IN)
    before = running_notebook(cluster, where)
    pods = pod_uids(cluster, where)

    uninstall(cluster)
    settled(cluster, f"{sets_of(where)}/nb")
    assert pod_uids(cluster, where) == pods  # removal itself touches nothing
    written = reconcile(cluster, f"{sets_of(where)}/nb")

    assert written["metadata"]["generation"] > before["metadata"]["generation"]
    why = wait(lambda: refusals(cluster, where), "refusal of the pod's successor")
    assert "100 is not an allowed group" in why[0]
    assert pod_uids(cluster, where) == set()


@pytest.mark.usefixtures("removed")
def test_a_notebook_that_was_made_with_us_keeps_the_empty_context_that_spares_it(cluster: Cluster) -> None:
    """Its controller adds fsGroup 100 only if there is no security context, so after the removal it does not."""
    path = serve(cluster, crd("Notebook", "notebooks"), namespace(cluster, "removed-later", **OPTED_IN))
    cluster.make(path, notebook("nb"))

    uninstall(cluster)
    stored = cluster.request("GET", f"{path}/nb").body
    assert cluster.request("PUT", f"{path}/nb", stored).status == 200

    assert cluster.request("GET", f"{path}/nb").body["spec"]["template"]["spec"]["securityContext"] == {}


def unreachable(configuration: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration that leads to a port where nobody listens."""
    configuration = copy.deepcopy(configuration)
    port = free_port()
    for entry in configuration["webhooks"]:
        entry["clientConfig"]["service"]["port"] = port
    return configuration


def create(cluster: Cluster, where: str, what: str, body: dict[str, Any]) -> Response:
    root = {"deployments": "/apis/apps/v1", "roles": "/apis/rbac.authorization.k8s.io/v1"}.get(what, "/api/v1")
    return cluster.request("POST", f"{root}/namespaces/{where}/{what}?dryRun=All", body)


@pytest.mark.usefixtures("removed")
def test_while_nobody_answers_workloads_are_refused_and_the_rest_passes(cluster: Cluster, webhook: Server) -> None:
    opted_in, elsewhere = namespace(cluster, "down", **OPTED_IN), namespace(cluster, "down-elsewhere")
    body = deployment("it", securityContext={"fsGroup": 100})
    pod = {"metadata": {"name": "it"}, "spec": {"containers": [{"name": "main", "image": "example"}]}}

    register(cluster, webhook, unreachable(deployed()))
    refused = wait(lambda: failure(create(cluster, opted_in, "deployments", body)), "refusal")

    assert refused.startswith(
        'Internal error occurred: failed calling webhook "workloads.opted-in.kubeflow-openshift.io"'
    )
    assert refused.endswith("connect: connection refused")
    assert create(cluster, opted_in, "pods", pod).status == 201
    assert create(cluster, opted_in, "roles", ROLE).status == 201
    assert create(cluster, opted_in, "configmaps", ARGO).status == 201
    injected = {"metadata": {"name": "down-later", "labels": {"istio-injection": "enabled"}}}
    assert cluster.request("POST", "/api/v1/namespaces?dryRun=All", injected).status == 201
    for where in (elsewhere, "kubeflow-openshift", "kube-system"):
        assert create(cluster, where, "deployments", body).status == 201


@pytest.mark.usefixtures("removed")
def test_while_nobody_answers_running_workflows_go_on_and_what_is_deleted_goes(
    cluster: Cluster, webhook: Server
) -> None:
    """Argo's controller stores every step of a workflow through the workflow itself."""
    where = namespace(cluster, "down-workflows", **OPTED_IN)
    workflows = serve(cluster, crd("Workflow", "workflows", group="argoproj.io"), where)
    templates = [{"name": f"step-{number}", "container": {"image": "example"}} for number in range(60)]
    workflow = {"apiVersion": "argoproj.io/v1", "kind": "Workflow", "spec": {"templates": templates}}
    cluster.make(workflows, {**workflow, "metadata": {"name": "runs"}})
    gone = f"/apis/apps/v1/namespaces/{where}/deployments/gone"
    cluster.make(gone.rpartition("/")[0], deployment("gone", securityContext={"runAsUser": 1000650000}))
    write(cluster, gone, {"metadata": {"finalizers": ["example.io/last"]}})
    cluster.request("DELETE", gone)

    register(cluster, webhook, unreachable(deployed()))
    later = {**workflow, "metadata": {"name": "later"}}
    wait(lambda: failure(cluster.request("POST", f"{workflows}?dryRun=All", later)), "refusal")

    assert write(cluster, f"{workflows}/runs", {"status": {"phase": "Running"}}).status == 200
    assert write(cluster, f"{workflows}/runs", {"metadata": {"labels": {"completed": "true"}}}).status == 200
    assert failure(write(cluster, f"{workflows}/runs", {"spec": {"shutdown": "Stop"}}))
    assert write(cluster, gone, {"metadata": {"finalizers": None}}).status == 200
    assert cluster.request("GET", gone).status == 404


@pytest.mark.usefixtures("removed")
def test_while_nobody_answers_jobs_are_suspended_and_what_is_orphaned_goes(cluster: Cluster, webhook: Server) -> None:
    where = namespace(cluster, "down-jobs")
    made = deployment("orphans", **RUNS_AS_999)
    pod = {**made["spec"]["template"]["spec"], "restartPolicy": "Never"}
    job, batch = {"suspend": True, "template": {"spec": pod}}, f"/apis/batch/v1/namespaces/{where}"
    cluster.make(f"{batch}/jobs", {"metadata": {"name": "it"}, "spec": job})
    nightly = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}
    cluster.make(f"{batch}/cronjobs", {"metadata": {"name": "it"}, "spec": nightly})
    deployments = f"/apis/apps/v1/namespaces/{where}/deployments"
    cluster.make(deployments, made)
    wait(lambda: cluster.request("GET", deployments.replace("deployments", "replicasets")).body["items"], "ReplicaSet")
    cluster.kubectl("label", "namespace", where, *(f"{key}={value}" for key, value in OPTED_IN.items()))

    register(cluster, webhook, unreachable(deployed()))
    another = deployment("another", **RUNS_AS_999)
    wait(lambda: failure(cluster.request("POST", f"{deployments}?dryRun=All", another)), "refusal")

    assert write(cluster, f"{batch}/cronjobs/it", {"spec": {"suspend": True}}).status == 200
    assert write(cluster, f"{batch}/jobs/it", {"metadata": {"labels": {"touched": "yes"}}}).status == 200
    assert write(cluster, f"{batch}/jobs/it", {"spec": {"suspend": False}}).status == 200
    cluster.request("DELETE", f"{deployments}/orphans", {"propagationPolicy": "Orphan"})
    wait(lambda: cluster.request("GET", f"{deployments}/orphans").status == 404, "end of the Deployment")


def write(cluster: Cluster, path: str, change: dict[str, Any]) -> Response:
    return cluster.request("PATCH", path, change, content_type="application/merge-patch+json")


def failure(response: Response) -> str:
    return str(response.body["message"]) if response.status == 500 else ""


@pytest.mark.usefixtures("removed")
def test_with_all_ignore_everything_passes_unchanged(cluster: Cluster, webhook: Server) -> None:
    where = namespace(cluster, "ignored", **OPTED_IN)
    body = deployment("it", securityContext={"fsGroup": 100})
    [configuration] = of_kind(rendered(cluster, OVERLAYS / "all-ignore"), "MutatingWebhookConfiguration")

    register(cluster, webhook, unreachable(configuration))

    def unchanged() -> bool:
        made = create(cluster, where, "deployments", body)
        assert made.status == 201, made.body
        return bool(made.body["spec"]["template"]["spec"]["securityContext"] == {"fsGroup": 100})

    wait(unchanged, "object that passes unchanged")
    assert cluster.request("GET", f"{CONFIGURATIONS}/{NAME}").status == 200
