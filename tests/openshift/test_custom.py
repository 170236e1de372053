"""Custom resources that run are never changed in the middle, and what others validate passes as before (laws 6 and 10).

The kinds are served as upstream defines them. Katib's and Knative's webhooks reject some changes of what is stored:
two policies stand in for them, with the checks that those webhooks make.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rig.cluster import Cluster, running, wait
from tests.support import upstream
from tests.support.installed import OPTED_IN, install, namespace
from tests.support.server import Server
from tests.support.workloads import SERVER_SIDE, opt_in
from webhook.manifests import reader
from webhook.objects.model import lookup

Object = dict[str, Any]
USER = {"runAsUser": 1000}
MAIN = {"name": "main", "image": "example", "securityContext": USER}
TEMPLATE = {"spec": {"containers": [MAIN]}}
GROUP = {"rayStartParams": {}, "template": TEMPLATE}
WORKERS = {"groupName": "small", "replicas": 1, "minReplicas": 1, "maxReplicas": 9, **GROUP}
SPARK = {"type": "Python", "mode": "cluster", "sparkVersion": "3.5.0", "mainApplicationFile": "local:///x.py"}
TRIAL = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": TEMPLATE}}
READY = {"conditions": [{"type": "Ready", "status": "True"}]}

STORED: dict[str, tuple[str, Object, Object, Object]] = {
    # resource: apiVersion, spec, status while it runs, a change of the spec that somebody makes meanwhile
    "inferenceservices.serving.kserve.io": (
        "serving.kserve.io/v1beta1",
        {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "securityContext": USER}}},
        READY,
        {"predictor": {"minReplicas": 2}},
    ),
    "services.serving.knative.dev": (
        "serving.knative.dev/v1",
        {"template": {"metadata": {"name": "it-1"}, "spec": {"containers": [{"image": "x", "securityContext": USER}]}}},
        READY,
        {"traffic": [{"latestRevision": True, "percent": 100}]},
    ),
    "sparkapplications.sparkoperator.k8s.io": (
        "sparkoperator.k8s.io/v1beta2",
        {**SPARK, "driver": {"securityContext": USER}, "executor": {"instances": 1, "securityContext": USER}},
        {"applicationState": {"state": "RUNNING"}, "driverInfo": {}, "executorState": {"exec-1": "RUNNING"}},
        {"executor": {"instances": 2}},
    ),
    "rayclusters.ray.io": (
        "ray.io/v1",
        {"headGroupSpec": GROUP, "workerGroupSpecs": [WORKERS]},
        {"state": "ready", "head": {"podIP": "10.0.0.1"}},
        {"enableInTreeAutoscaling": True},
    ),
    "workflows.argoproj.io": (
        "argoproj.io/v1alpha1",
        {"entrypoint": "main", "securityContext": USER, "templates": [{"name": "main", "container": {"image": "x"}}]},
        {"phase": "Running"},
        {"suspend": True},
    ),
    "pytorchjobs.kubeflow.org": (
        "kubeflow.org/v1",
        {"pytorchReplicaSpecs": {"Worker": {"replicas": 1, "template": TEMPLATE}}},
        {"conditions": [], "replicaStatuses": {"Worker": {"active": 1}}},
        {"pytorchReplicaSpecs": {"Worker": {"replicas": 2}}},
    ),
    "experiments.kubeflow.org": (
        "kubeflow.org/v1beta1",
        {"maxTrialCount": 3, "trialTemplate": {"primaryContainerName": "main", "trialSpec": TRIAL}},
        {"trialsRunning": 1},
        {"maxTrialCount": 6},
    ),
}
KINDS = {"inferenceservices": "InferenceService", "services": "Service", "sparkapplications": "SparkApplication"} | {
    "rayclusters": "RayCluster",
    "workflows": "Workflow",
    "pytorchjobs": "PyTorchJob",
    "experiments": "Experiment",
}
KATIB, KNATIVE = "only spec.maxTrialCount is editable", "changes without a name change"
POLICIES = (
    ("experiments", "kubeflow.org", KATIB, "object.spec.trialTemplate == oldObject.spec.trialTemplate"),
    (
        "services",
        "serving.knative.dev",
        KNATIVE,
        (
            "object.spec.template.?metadata.?name != oldObject.spec.template.?metadata.?name"
            " || !object.spec.template.?metadata.?name.hasValue() || object.spec.template == oldObject.spec.template"
        ),
    ),
)


@pytest.fixture(scope="module")
def kubeflow(rig: None, webhook: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a cluster that serves these kinds as upstream defines them, with what Katib and Knative reject."""
    with running(tmp_path_factory.mktemp("rig-custom"), mode="scc") as cluster:
        found = {crd["metadata"]["name"]: crd for crd in definitions()}
        if missing := STORED.keys() - found.keys():
            pytest.skip(f"UPSTREAM_MANIFESTS names no folder that defines {', '.join(sorted(missing))}")
        upstream.apply(cluster, [found[name] for name in STORED], "--server-side")
        for policy in POLICIES:
            reject(cluster, *policy)
        install(cluster, webhook)
        yield cluster


def definitions() -> Iterator[Object]:
    for folder in ("kubeflow-1.8", "kubeflow-26.03-alternates", "kubeflow-26.03"):
        path = upstream.FOLDER / folder / "crds.yaml"
        for document in reader.read([str(path)]) if path.exists() else ():
            for _, obj in document.objects():
                if obj["metadata"]["name"] in STORED:
                    made = copy.deepcopy(obj)
                    made["spec"].pop("conversion", None)  # a webhook of theirs, which is not here
                    made["spec"]["versions"] = [each for each in made["spec"]["versions"] if each["storage"]]
                    yield made


def reject(cluster: Cluster, resource: str, group: str, message: str, expression: str) -> None:
    rules = {"operations": ["UPDATE"], "apiGroups": [group], "apiVersions": ["*"], "resources": [resource]}
    spec = {
        "matchConstraints": {"resourceRules": [rules]},
        "validations": [{"expression": expression, "message": message}],
    }
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
    cluster.make(f"{path}ies", {"metadata": {"name": resource}, "spec": spec})
    binding = {"policyName": resource, "validationActions": ["Deny"]}
    cluster.make(f"{path}ybindings", {"metadata": {"name": resource}, "spec": binding})


def manifest(resource: str) -> Object:
    version, spec, *_ = STORED[resource]
    kind = KINDS[resource.partition(".")[0]]
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "it"}, "spec": spec}


def apply(cluster: Cluster, where: str, obj: Object) -> None:
    cluster.kubectl("apply", "-n", where, *SERVER_SIDE, "-f", "-", send=json.dumps(obj))


def get(cluster: Cluster, where: str, resource: str) -> Object:
    found: Object = json.loads(cluster.kubectl("get", resource, "it", "-n", where, "-o", "json").stdout)
    return found


def patch(cluster: Cluster, where: str, resource: str, body: Object, *arguments: str, check: bool = True) -> str:
    done = cluster.kubectl(
        *("patch", resource, "it", "-n", where, "--type=merge", *arguments, "-p", json.dumps(body)), check=check
    )
    return done.stderr


def users(value: Any) -> list[Any]:
    """Return every runAsUser and runAsNonRoot in an object, in order."""
    if isinstance(value, list):
        return [found for item in value for found in users(item)]
    if not isinstance(value, dict):
        return []
    own = [(key, value[key]) for key in ("runAsUser", "runAsNonRoot") if key in value]
    return own + [found for item in value.values() for found in users(item)]


@pytest.mark.parametrize("resource", STORED)
def test_what_runs_is_not_changed_in_the_middle(kubeflow: Cluster, resource: str) -> None:
    where = namespace(kubeflow, f"before-{resource.partition('.')[0]}")
    _, _, status, change = STORED[resource]
    apply(kubeflow, where, manifest(resource))
    crd = json.loads(kubeflow.kubectl("get", "crd", resource, "-o", "json").stdout)
    subresource = "status" in crd["spec"]["versions"][0].get("subresources", {})
    patch(kubeflow, where, resource, {"status": status}, *(["--subresource=status"] if subresource else []))
    opt_in(kubeflow, where)
    before = get(kubeflow, where, resource)
    assert set(users(before["spec"])) == {("runAsUser", 1000)}

    kubeflow.kubectl("label", resource, "it", "-n", where, "touched=yes")
    kubeflow.kubectl("annotate", resource, "it", "-n", where, "touched=yes")
    apply(kubeflow, where, manifest(resource))
    if not subresource:
        patch(kubeflow, where, resource, {"status": {"message": "its controller writes this, and the spec with it"}})
    after = get(kubeflow, where, resource)
    assert after["spec"] == before["spec"]
    assert after["metadata"].get("generation") == before["metadata"].get("generation") or not subresource

    assert "delete it" not in patch(kubeflow, where, resource, {"spec": change})
    changed = get(kubeflow, where, resource)
    assert changed["spec"] != before["spec"]
    assert users(changed["spec"]) == users(before["spec"])


@pytest.mark.parametrize(
    ("resource", "allowed", "forbidden", "message"),
    [
        (
            "experiments.kubeflow.org",
            {"maxTrialCount": 9},
            {"trialTemplate": {"trialSpec": {"spec": {"backoffLimit": 1}}}},
            KATIB,
        ),
        (
            "services.serving.knative.dev",
            {"traffic": [{"latestRevision": True, "percent": 100}]},
            {"template": {"spec": {"timeoutSeconds": 7}}},
            KNATIVE,
        ),
    ],
    ids=["Katib", "Knative"],
)
@pytest.mark.parametrize("made", ["before", "after"])
def test_others_reject_what_they_rejected_before_and_nothing_else(
    kubeflow: Cluster, made: str, resource: str, allowed: Object, forbidden: Object, message: str
) -> None:
    where = namespace(kubeflow, f"{resource.partition('.')[0]}-{made}", **(OPTED_IN if made == "after" else {}))
    apply(kubeflow, where, manifest(resource))
    wait(
        lambda: message in patch(kubeflow, where, resource, {"spec": forbidden}, "--dry-run=server", check=False),
        "rejection of what may not change",
    )
    if made == "before":
        opt_in(kubeflow, where)
    stored = get(kubeflow, where, resource)["spec"]
    assert set(users(stored)) == ({("runAsUser", 1000)} if made == "before" else {("runAsNonRoot", True)})

    kubeflow.kubectl("label", resource, "it", "-n", where, "touched=yes")
    apply(kubeflow, where, manifest(resource))
    patch(kubeflow, where, resource, {"spec": allowed})
    after = get(kubeflow, where, resource)["spec"]
    assert users(after) == users(stored)
    assert message in patch(kubeflow, where, resource, {"spec": forbidden}, check=False)


def test_a_new_revision_is_rewritten(kubeflow: Cluster) -> None:
    """Another name makes a new revision, and that is where Knative lets a template change."""
    resource = "services.serving.knative.dev"
    where = namespace(kubeflow, "next-revision", **OPTED_IN)
    apply(kubeflow, where, manifest(resource))
    new = copy.deepcopy(manifest(resource))
    new["spec"]["template"]["metadata"]["name"] = "it-2"
    apply(kubeflow, where, new)
    stored = get(kubeflow, where, resource)
    assert lookup(stored, ("spec", "template", "metadata", "name")) == "it-2"
    assert users(stored["spec"]) == [("runAsNonRoot", True)]
