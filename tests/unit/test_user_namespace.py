"""A pod that keeps its users in a user namespace: what it is warned of, and that nothing else is decided of it."""

from dataclasses import replace
from typing import Any

import pytest

from webhook.admission.engine import evaluate
from webhook.admission.review import request_for_manifest
from webhook.objects.model import Object, Request, Result
from webhook.settings.model import Settings

ON = Settings(rules={"user-namespace": True})
NOTEBOOK = "registry.example.com/jupyter/tensors-notebook:1"
NO_USER = "user-namespace: hostUsers: false without a user: restricted-v2 is asked first"


def deployment(image: str = "i", metadata: Object | None = None, own: Object | None = None, **spec: Any) -> Object:
    containers = [{"name": "a", "image": image, "securityContext": own or {}}]
    template = {"metadata": metadata or {}, "spec": {"containers": containers, **spec}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": template}}


def evaluated(obj: Object, settings: Settings = ON, namespace: str = "team") -> Result:
    outcome = evaluate(replace(request_for_manifest(obj), namespace=namespace), settings)
    assert outcome.failures == []
    return outcome


@pytest.mark.parametrize("settings", [Settings(), ON, Settings(everyone=("restricted-v2", "restricted-v3"))])
@pytest.mark.parametrize("own", [{}, {"runAsUser": 1_000_650_000}])
def test_a_pod_that_restricted_v2_admits_to_a_user_namespace_is_warned(own: Object, settings: Settings) -> None:
    (warning,) = evaluated(deployment(hostUsers=False, own=own), settings).warnings
    assert warning.startswith(NO_USER)
    assert len(warning) <= 256


@pytest.mark.parametrize(
    "obj",
    [
        deployment(hostUsers=False, own={"runAsUser": 1000}),
        deployment(hostUsers=False, metadata={"annotations": {"openshift.io/required-scc": "restricted-v3"}}),
        deployment(hostUsers=True),
        deployment(),
        {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"hostUsers": False, "containers": [{}]}},
    ],
    ids=["a user", "restricted-v3 required", "none of its own", "says nothing", "a bare pod"],
)
def test_a_pod_that_restricted_v2_does_not_break_is_not_warned(obj: Object) -> None:
    assert evaluated(obj).warnings == []


def test_a_pod_of_restricted_v3_needs_no_grant_where_the_rule_is_on() -> None:
    pod = deployment(hostUsers=False, own={"runAsUser": 1000})
    assert evaluated(pod).warnings == []
    assert "needs an SCC like restricted-v3" in evaluated(pod, Settings()).warnings[0]


def test_the_response_warns_of_a_claim() -> None:
    claim = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    (warning,) = evaluated(deployment(own={"runAsUser": 1000}, volumes=claim)).warnings
    assert warning.startswith("user-namespace: files of other users on its volumes belong to nobody")
    assert evaluated(deployment(own={"runAsUser": 1000})).warnings == []


@pytest.mark.parametrize(
    ("options", "namespace", "image", "acts"),
    [
        ({}, "team", "i", True),
        ({"namespaces": ["team", "other"]}, "team", "i", True),
        ({"namespaces": ["team"]}, "team-a", "i", False),
        ({"namespaces": ["team*"]}, "team-a", "i", True),
        ({"images": ["*/mpi:*"]}, "team", "quay.io/a/mpi:1", True),
        ({"images": ["mpi:*"]}, "team", "quay.io/a/mpi:1", False),
        ({"namespaces": ["team"], "images": ["mpi"]}, "team", "i", False),
        ({"namespaces": ["other"], "images": ["i"]}, "team", "i", False),
        ({"namespaces": []}, "team", "i", False),
    ],
)
def test_it_acts_where_both_lists_say_so(options: Object, namespace: str, image: str, acts: bool) -> None:
    settings = Settings(rules={"user-namespace": options})
    outcome = evaluated(deployment(image, own={"runAsUser": 1000}), settings, namespace)
    assert outcome.rules() == (["user-namespace"] if acts else ["run-as-user"])


@pytest.mark.parametrize(("user", "acts"), [(999, False), (1000, True), (65_534, True), (65_535, False)])
def test_a_user_stays_that_restricted_v3_admits(user: int, acts: bool) -> None:
    assert evaluated(deployment(own={"runAsUser": user})).rules() == (["user-namespace"] if acts else ["run-as-user"])


@pytest.mark.parametrize(("group", "goes"), [(999, True), (1000, False), (65_534, False), (65_535, True)])
def test_an_fs_group_goes_that_restricted_v3_rejects(group: int, goes: bool) -> None:
    outcome = evaluated(deployment(own={"runAsUser": 1000}, securityContext={"fsGroup": group}))
    assert outcome.rules() == ["fs-group", "user-namespace"][not goes :]


def test_a_known_image_is_given_its_user_and_no_volume() -> None:
    outcome = evaluated(deployment(NOTEBOOK))
    spec = (outcome.object or {})["spec"]["template"]["spec"]
    assert spec == {
        "hostUsers": False,
        "containers": [{"name": "a", "image": NOTEBOOK, "securityContext": {"runAsUser": 1000}}],
    }


def test_a_rule_that_a_template_skips_decides_nothing() -> None:
    """The stored pod is compared before the annotation is read."""
    stored = deployment(NOTEBOOK, hostUsers=False, own={"runAsUser": 1000})
    sent = deployment(NOTEBOOK, {"annotations": {"kubeflow-openshift/rules": "user-namespace"}}, {"runAsUser": 1000})
    outcome = evaluate(Request("Deployment.apps", "UPDATE", sent, stored, "team"), ON)
    assert "user-namespace" not in outcome.rules()
    assert "run-as-user" in outcome.rules()
