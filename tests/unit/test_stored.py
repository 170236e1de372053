"""On an update: what the response says of what stays, and that no change of a rule is rejected by another's check."""

import copy
from typing import Any

import pytest

from tests.support.samples import SAMPLES
from webhook.admission.engine import evaluate
from webhook.admission.review import request_for_manifest
from webhook.objects.model import Object, Request, Result
from webhook.settings.model import Settings
from webhook.workloads.kinds import KINDS

ANEW = "left as it is stored: if OpenShift rejects its pods, delete it and create it again"
ROOT = "run-as-user: runAsNonRoot: true beside UID 0 keeps the pod from starting; set runAsNonRoot: false"
MAIN = {"name": "main", "image": "example", "securityContext": {"runAsUser": 1000}}
TEMPLATE = {"spec": {"containers": [MAIN]}}


def stored(version: str, kind: str, spec: Object, status: Object | None = None) -> Object:
    obj = {"apiVersion": version, "kind": kind, "metadata": {"name": "it", "namespace": "team"}, "spec": spec}
    return obj | ({"status": status} if status else {})


def updated(old: Object, new: Object | None = None, settings: Settings | None = None) -> Result:
    if new is None:
        new = copy.deepcopy(old)
        new["metadata"].setdefault("labels", {})["touched"] = "yes"
    return evaluate(request(old, new), settings or Settings())


def request(old: Object, new: Object) -> Request:
    made = request_for_manifest(new)
    return Request(made.kind, "UPDATE", new, old, namespace=made.namespace, name=made.name)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].pods or KINDS[kind].objects])
def test_a_label_changes_nothing_of_what_is_stored(kind: str) -> None:
    """A controller or another validation could act on an unwanted change of any kind."""
    old = {key: value for key, value in SAMPLES[kind].items() if key != "status"}
    assert updated(copy.deepcopy(old)).operations == []


@pytest.mark.parametrize(
    ("old", "warned"),
    [
        (stored("batch/v1", "Job", {"template": TEMPLATE}, {"startTime": "2026-01-01T00:00:00Z"}), True),
        (stored("batch/v1", "Job", {"template": TEMPLATE}, {"active": 1}), False),
        (stored("batch/v1", "CronJob", {"jobTemplate": {"spec": {"template": TEMPLATE}}}), False),
        (stored("argoproj.io/v1alpha1", "WorkflowTemplate", {"templates": [{"name": "a", "container": MAIN}]}), True),
        (stored("argoproj.io/v1alpha1", "Workflow", {"templates": [{"name": "a", "container": MAIN}]}), False),
        (stored("kubeflow.org/v1", "PyTorchJob", {"pytorchReplicaSpecs": {"Worker": {"template": TEMPLATE}}}), True),
        (
            stored(
                "kubeflow.org/v1",
                "PyTorchJob",
                {"pytorchReplicaSpecs": {"Worker": {"template": TEMPLATE}}},
                {"replicaStatuses": {"Master": {}, "Worker": {"active": 2}}},
            ),
            False,
        ),
        (stored("apps/v1", "Deployment", {"template": TEMPLATE}, {"replicas": 1}), False),
        (stored("apps.openshift.io/v1", "DeploymentConfig", {"template": TEMPLATE}, {"replicas": 1}), True),
        (stored("serving.kserve.io/v1beta1", "InferenceService", {"predictor": {"model": MAIN}}), False),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_where_nothing_shows_that_pods_were_admitted_the_response_says_what_helps(old: Object, warned: bool) -> None:
    outcome = updated(old)
    assert outcome.operations == []
    assert outcome.warnings == ([ANEW] if warned else [])


REJECTED = """pods "it-" is forbidden: unable to validate against any security context constraint: [provider "anyuid":
Forbidden: not usable by user or serviceaccount, provider {}: .containers[0].runAsUser: Invalid value: 1000]"""


@pytest.mark.parametrize(
    ("scc", "everyone", "changes", "warnings"),
    [
        ("restricted-v2", (), True, []),
        ("nonroot-v2", (), False, [ANEW]),
        ("nonroot-v2", ("nonroot-v2",), True, []),
    ],
    ids=["no grant", "a grant", "for everyone"],
)
def test_a_rejection_names_the_sccs_that_the_account_may_use(
    scc: str, everyone: tuple[str, ...], changes: bool, warnings: list[str]
) -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": REJECTED.format(scc)}
    old = stored("apps/v1", "Deployment", {"template": TEMPLATE}, {"observedGeneration": 2, "conditions": [condition]})
    old["metadata"]["generation"] = 2
    outcome = updated(old, settings=Settings(everyone=("restricted-v2", *everyone)))
    assert (bool(outcome.operations), outcome.warnings) == (changes, warnings)


def deployment(**context: Any) -> Object:
    spec = {"serviceAccountName": "db", "containers": [{"name": "main", "securityContext": context}]}
    return stored("apps/v1", "Deployment", {"template": {"spec": spec}})


@pytest.mark.parametrize(
    ("old", "new", "exempt", "warnings"),
    [
        (deployment(runAsNonRoot=True), deployment(runAsNonRoot=True, runAsUser=0), True, [ROOT]),
        (deployment(runAsNonRoot=True), deployment(runAsNonRoot=False, runAsUser=0), True, []),
        (deployment(runAsNonRoot=True, runAsUser=999), deployment(runAsNonRoot=True, runAsUser=0), False, [ROOT]),
        (deployment(runAsNonRoot=True), deployment(runAsNonRoot=True, runAsUser=0), False, []),
    ],
    ids=["exempt", "fixed", "granted", "rewritten"],
)
def test_root_beside_a_run_as_non_root_that_stayed_is_warned_of(
    old: Object, new: Object, exempt: bool, warnings: list[str]
) -> None:
    settings = Settings(exempt_service_accounts=frozenset({"team/db"} if exempt else ()))
    assert updated(old, new, settings).warnings == warnings


def test_what_may_not_change_goes_back_to_what_is_stored_or_stays_as_it_was_sent() -> None:
    """Half of the way is rejected for sure: here only the group could go back."""
    old = stored("batch/v1", "Job", {"template": {"spec": {"containers": [{"name": "main"}]}}})
    new = copy.deepcopy(old)
    new["spec"]["template"]["spec"] |= {"securityContext": {"fsGroup": 999}, "containers": [MAIN]}
    assert updated(old, new).operations == []
