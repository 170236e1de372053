"""The engine's own promises: whose fault costs whom what, and what is never touched."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.samples import created, deployment
from webhook.admission import engine
from webhook.admission.engine import evaluate
from webhook.objects import patch
from webhook.objects.model import Change, Object, Request, UnknownShape
from webhook.rules import RULES
from webhook.rules.registry import Rule
from webhook.settings.model import Settings
from webhook.workloads.kinds import KINDS
from webhook.workloads.pod import POD_SPEC, SKIP_ANNOTATION, PodView

SETTINGS = Settings()


def rule(function: Any) -> Rule:
    """Wrap a function as a rule of its own, beside the real ones."""
    return replace(RULES["fs-group"], id=function.__name__, on_pod=function)


AT = ("spec", "template", "spec")


def raises_halfway(_pod: PodView) -> Iterator[Change]:
    yield Change((*AT, "hostname"), "changed", "before it fails")
    raise KeyError("secret value")


def does_not_apply(_pod: PodView) -> Iterator[Change]:
    yield Change((*AT, "hostname"), "changed", "before it fails")
    yield Change((*AT, "containers", 7, "image"), "x", "there is no eighth container")


def below_a_text(_pod: PodView) -> Iterator[Change]:
    yield Change((*AT, "containers", 0, "image", "tag"), "x", "an image is not a mapping")


@pytest.mark.parametrize("bad", [raises_halfway, does_not_apply, below_a_text], ids=lambda bad: str(bad.__name__))
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_a_rule_that_fails_loses_its_own_changes_and_nothing_else(bad: Any, first: bool) -> None:
    others = [RULES["fs-group"], RULES["run-as-user"]]
    outcome = evaluate(created(deployment()), SETTINGS, [rule(bad), *others] if first else [*others, rule(bad)])
    assert outcome.object == evaluate(created(deployment()), SETTINGS, others).object
    assert [name for name, _ in outcome.failures] == [bad.__name__]
    assert outcome.warnings == [f"{bad.__name__}: failed and changed nothing; please report it"]
    assert "secret" not in str(outcome.warnings) + str(outcome.failures)


def adds_a_name(_pod: PodView) -> Iterator[Change]:
    yield Change((*AT, "hostname"), "h", "the object is a draft from here on")


def adds_a_context(pod: PodView) -> Iterator[Change]:
    yield from (Change((*at.context_at, "privileged"), value=False, because="new") for at in pod.containers())


def sees_it(pod: PodView) -> Iterator[Change]:
    seen = all(container.context == {"privileged": False} for container in pod.containers())
    yield Change((*AT, "subdomain"), str(seen), "what it saw")


def test_a_rule_sees_what_those_before_it_changed() -> None:
    obj = deployment()
    del obj["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    outcome = evaluate(created(obj), SETTINGS, list(map(rule, (adds_a_name, adds_a_context, sees_it))))
    assert (outcome.object or {})["spec"]["template"]["spec"]["subdomain"] == "True"


def sees_a_name(pod: PodView) -> Iterator[Change]:
    yield Change((*AT, "subdomain"), str(pod.object["spec"]["template"]["spec"]["hostname"]), "what it saw")


def test_a_rule_sees_nothing_of_one_that_failed_before_it() -> None:
    outcome = evaluate(created(deployment()), SETTINGS, list(map(rule, (adds_a_name, does_not_apply, sees_a_name))))
    assert (outcome.object or {})["spec"]["template"]["spec"]["subdomain"] == "h"


def test_an_operation_that_does_not_do_what_its_rule_wants_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"op": "add", "path": "/spec/template/spec/securityContext/fsGroup", "value": 7}
    monkeypatch.setattr(patch, "operations", lambda _change, _obj: [wrong])
    request = created(deployment())
    outcome = evaluate(request, SETTINGS, [RULES["fs-group"]])
    assert (outcome.object, request.object, outcome.operations, outcome.findings) == (deployment(),) * 2 + ([], [])
    assert outcome.failures == [("fs-group", "DoesNotApply")]
    assert outcome.warnings == ["fs-group: failed and changed nothing; please report it"]


@pytest.mark.parametrize("operation", ["DELETE", "CONNECT"])
def test_nothing_but_create_and_update_is_patched(operation: str) -> None:
    assert evaluate(Request("Deployment.apps", operation, deployment()), SETTINGS).operations == []


def test_no_object_no_patch() -> None:
    assert evaluate(Request("Deployment.apps", "CREATE", None), SETTINGS).operations == []


@pytest.mark.parametrize("subresource", ["scale", "status", "eviction", "binding", "exec", "resize"])
def test_subresources_are_left_alone(subresource: str) -> None:
    assert evaluate(created(deployment(), subresource=subresource), SETTINGS).operations == []


def test_unknown_kinds_are_left_alone_without_a_word() -> None:
    outcome = evaluate(replace(created(deployment()), kind="Deployment.example.com"), SETTINGS)
    assert (outcome.operations, outcome.warnings) == ([], [])


def test_a_wrong_shape_is_left_alone_with_a_warning_that_names_the_field() -> None:
    obj = deployment()
    obj["spec"]["template"]["spec"]["containers"] = "none"
    outcome = evaluate(created(obj), SETTINGS)
    assert outcome.operations == []
    assert outcome.warnings == ["left alone: spec.template.spec.containers is not a map or a list"]


def test_a_skip_annotation_that_names_no_rule_is_said() -> None:
    obj = deployment()
    obj["metadata"]["annotations"] = {SKIP_ANNOTATION: "fs_group, run-as-user"}
    outcome = evaluate(created(obj), SETTINGS)
    assert outcome.rules() == ["fs-group"]
    assert outcome.warnings == ["annotation kubeflow-openshift/rules names no rule: fs_group; see the command `rules`"]


def test_a_controller_that_writes_its_own_back_is_warned_once() -> None:
    obj = deployment()
    obj["spec"]["template"]["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    first = evaluate(created(obj), SETTINGS)
    assert first.warnings == ["fs-group: files of group 100 on its volumes keep that group"]
    again = evaluate(Request("Deployment.apps", "UPDATE", obj, first.object, namespace="kubeflow"), SETTINGS)
    assert (again.object, again.warnings) == (first.object, [])


def test_a_rule_that_is_off_changes_nothing() -> None:
    assert evaluate(created(deployment()), Settings(rules={"fs-group": False})).rules() == ["run-as-user"]


def pod(*ephemeral: Object) -> Object:
    spec: Object = {"containers": [{"name": "a", "image": "i", "securityContext": {"runAsUser": 1000}}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {**spec, "ephemeralContainers": list(ephemeral)}}


def test_of_ephemeral_containers_only_the_new_one_is_patched() -> None:
    old = {"name": "old", "image": "i", "securityContext": {"runAsUser": 1000}}
    new = {"name": "new", "image": "i", "securityContext": {"runAsUser": 1000}}
    outcome = evaluate(Request("Pod", "UPDATE", pod(old, new), pod(old), subresource="ephemeralcontainers"), SETTINGS)
    assert {operation["path"] for operation in outcome.operations} == {
        "/spec/ephemeralContainers/1/securityContext/runAsUser",
        "/spec/ephemeralContainers/1/securityContext/runAsNonRoot",
    }


def test_two_pods_of_one_object_are_judged_each_as_it_came() -> None:
    """The first one's change copies the object; rules of the second must still see what was sent."""
    two = {"pods": [{"template": deployment()["spec"]["template"]}, {"template": deployment()["spec"]["template"]}]}
    for part in two["pods"]:
        part["template"]["spec"]["containers"][0]["securityContext"] = {"runAsUser": 1000, "runAsGroup": 1000}
        part["template"]["spec"]["securityContext"] = {"runAsUser": 1_000_650_000}
    obj = {"apiVersion": "example.com/v1", "kind": "Two", "metadata": {}, "spec": two}
    rules = [replace(r, kinds=("Two.example.com",)) for r in engine.ALL_RULES if r.on_pod]
    KINDS["Two.example.com"] = replace(KINDS["Deployment.apps"], pods=("spec.pods.*.template.spec",))
    try:
        forwards = evaluate(Request("Two.example.com", "CREATE", copy.deepcopy(obj)), SETTINGS, rules)
        backwards = evaluate(Request("Two.example.com", "CREATE", copy.deepcopy(obj)), SETTINGS, rules[::-1])
    finally:
        del KINDS["Two.example.com"]
    assert forwards.object == backwards.object
    assert forwards.object is not None
    assert [
        part["template"]["spec"]["containers"][0]["securityContext"] for part in forwards.object["spec"]["pods"]
    ] == [
        {"runAsNonRoot": True},
        {"runAsNonRoot": True},
    ]


def test_an_index_behind_the_last_item_appends_and_another_does_not_apply() -> None:
    containers = ("spec", "template", "spec", "containers")
    assert patch.operations(Change((*containers, 1), {"name": "b"}, ""), deployment()) == [
        {"op": "add", "path": "/spec/template/spec/containers/1", "value": {"name": "b"}}
    ]
    assert patch.operations(Change((*AT, "volumes", 0), {"name": "v"}, ""), deployment()) == [
        {"op": "add", "path": "/spec/template/spec/volumes", "value": [{"name": "v"}]}
    ]
    for beyond in (2, -1):
        with pytest.raises(patch.DoesNotApply):
            patch.operations(Change((*containers, beyond), {}, ""), deployment())


def test_missing_maps_are_added_in_one_operation() -> None:
    change = Change(("metadata", "labels", "a/b~c"), "v", "")
    assert patch.operations(change, deployment()) == [
        {"op": "add", "path": "/metadata/labels", "value": {"a/b~c": "v"}}
    ]


def test_a_pod_with_what_is_no_container_has_none_whoever_asks_first() -> None:
    obj = deployment()
    obj["spec"]["template"]["spec"]["ephemeralContainers"] = ["x"]
    view = PodView(obj, AT, POD_SPEC, SETTINGS)
    for _ in range(2):
        with pytest.raises(UnknownShape):
            view.containers()


def test_a_late_evaluation_ends_before_the_next_rule_or_pod() -> None:
    request = Request("Deployment.apps", "CREATE", deployment(), namespace="team")
    asked = iter([False, False, True])
    with pytest.raises(engine.Late):
        evaluate(request, SETTINGS, late=lambda: next(asked))
    assert next(asked, None) is None, "asked three times, and it goes no further"


def test_a_warning_has_no_character_that_a_terminal_obeys() -> None:
    """The API server drops a warning with a control character, and `check` writes warnings to a terminal."""
    made = deployment()
    made["metadata"]["annotations"] = {"kubeflow-openshift/rules": "a\nb\x1b[2J\ud800"}
    (warning,) = evaluate(created(made), Settings()).warnings
    assert warning == "annotation kubeflow-openshift/rules names no rule: a?b?[2J?; see the command `rules`"


REJECTION = {
    "type": "ReplicaFailure",
    "status": "True",
    "message": "unable to validate against any security context constraint: []",
}


def test_a_replica_set_that_loses_its_owner_is_left_alone() -> None:
    """Its Deployment is deleted without it, or created again and finds it by its template."""
    made = {**deployment(), "kind": "ReplicaSet"}
    status = {"replicas": 0, "observedGeneration": 1, "conditions": [REJECTION]}
    owned = {**made["metadata"], "generation": 1, "ownerReferences": [{"kind": "Deployment", "controller": True}]}
    stored = {**made, "metadata": owned, "status": status}
    assert evaluate(Request("ReplicaSet.apps", "UPDATE", made, stored), Settings()).operations == []
    alone = {**stored, "metadata": {**made["metadata"], "generation": 1}}
    assert evaluate(Request("ReplicaSet.apps", "UPDATE", made, alone), Settings()).operations
