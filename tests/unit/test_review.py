"""AdmissionReviews in and out: what is answered, what is refused, and that nothing else ever happens."""

import base64
import json
import re

import pytest

from tests.support.bodies import BAD, IN_OBJECT, ODD, POD_KIND, STATEFUL_SET, V1, V1BETA1, answer, body_of, envelope
from tests.support.server import review
from webhook.admission.review import LONGEST_WARNING, MOST_WARNINGS, OPERATIONS, BadReview, decode, respond
from webhook.objects.model import Finding, Request, Result

each_version = pytest.mark.parametrize("version", [V1, V1BETA1])


def stateful_set(version: str) -> bytes:
    return review(Request("StatefulSet.apps", "CREATE", STATEFUL_SET, uid="705ab4f5"), version.rpartition("/")[2])


@each_version
def test_the_answer_echoes_version_and_uid_and_carries_the_patch(version: str) -> None:
    answered = answer(stateful_set(version))
    assert answered.keys() == {"apiVersion", "kind", "response"}
    assert (answered["apiVersion"], answered["kind"]) == (version, "AdmissionReview")
    response = answered["response"]
    assert (response["uid"], response["allowed"], response["patchType"]) == ("705ab4f5", True, "JSONPatch")
    assert json.loads(base64.b64decode(response["patch"], validate=True)) == [
        {"op": "remove", "path": "/spec/template/spec/securityContext/fsGroup"}
    ]


@each_version
def test_warnings_and_audit_annotations_are_in_v1_and_in_nothing_else(version: str) -> None:
    further = answer(stateful_set(version))["response"].keys() - {"uid", "allowed", "patch", "patchType"}
    assert further == ({"warnings", "auditAnnotations"} if version == V1 else set())


def test_warnings_are_single_lines_and_audit_annotations_name_the_rules() -> None:
    response = answer(stateful_set(V1))["response"]
    assert response["auditAnnotations"] == {"rules": "fs-group"}
    (warning,) = response["warnings"]
    assert warning.startswith("fs-group: ")
    assert "\n" not in warning
    both = Result({}, findings=[Finding(rule, ("x",), None, 1, "") for rule in ("b", "a")])
    assert b'{"rules":"a,b"}' in respond(decode(stateful_set(V1)), both)


def test_at_most_ten_short_warnings_leave_and_the_last_counts_the_rest() -> None:
    request = Request("Pod", "CREATE", {}, uid="u", version=V1)

    def said(*warnings: str) -> list[str]:
        answered = json.loads(respond(request, Result({}, warnings=[*warnings])))
        return list(answered["response"]["warnings"])

    ten = [str(number) for number in range(MOST_WARNINGS)]
    assert said(*ten) == ten
    assert said(*ten, "x", "y") == [*ten[:-1], "3 more warnings; the command `check` shows all of them"]
    longest = "x" * LONGEST_WARNING
    assert said(longest) == [longest]
    assert said(longest + "y") == [longest[:-3] + "..."]


@each_version
def test_without_a_change_the_response_is_the_uid_and_allowed(version: str) -> None:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap"}
    body = json.dumps(envelope(version, kind={**POD_KIND, "kind": "ConfigMap"}, object=config_map)).encode()
    assert answer(body)["response"] == {"uid": "u", "allowed": True}


def test_a_delete_has_no_object_and_gets_no_patch() -> None:
    body = body_of(operation="DELETE", object=None, oldObject=STATEFUL_SET)
    request = decode(body)
    assert request.object is None
    assert request.old == STATEFUL_SET
    assert answer(body)["response"] == {"uid": "u", "allowed": True}


def test_a_connect_gets_no_patch_whatever_its_object_says() -> None:
    for obj in ({"apiVersion": "v1", "kind": "PodExecOptions", "command": ["sh"]}, STATEFUL_SET, None):
        kind = {"group": "apps", "version": "v1", "kind": "StatefulSet"}
        body = body_of(operation="CONNECT", subResource="exec", kind=kind, object=obj)
        assert answer(body)["response"] == {"uid": "u", "allowed": True}


def test_every_field_is_read_and_what_we_do_not_know_is_ignored() -> None:
    body = body_of(
        uid="6f0c",
        kind={"group": "apps", "version": "v1", "kind": "StatefulSet"},
        resource={"group": "apps", "version": "v1", "resource": "statefulsets"},
        operation="UPDATE",
        namespace="team",
        name="web",
        subResource="scale",
        object={"new": True},
        oldObject={"old": True},
        options={"kind": "UpdateOptions"},
        userInfo={"username": "someone", "groups": []},
        dryRun=True,
    )
    expected = Request("StatefulSet.apps", "UPDATE", {"new": True}, {"old": True}, "team", "web", "scale", "6f0c", V1)
    assert decode(body) == expected


def test_optional_fields_may_be_absent_or_null() -> None:
    nulls = dict.fromkeys(("namespace", "name", "subResource", "object", "oldObject"))
    assert decode(body_of(**nulls)) == decode(body_of()) == Request("Pod", "CREATE", None, uid="u", version=V1)
    assert decode(body_of(kind={"kind": "Pod"})) == decode(body_of(kind={**POD_KIND, "group": None, "version": None}))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_that_the_api_server_knows_is_read(operation: str) -> None:
    assert decode(body_of(operation=operation)).operation == operation


@pytest.mark.parametrize(("body", "reason"), BAD.values(), ids=BAD)
def test_what_is_no_review_is_refused_in_one_short_line(body: bytes, reason: str) -> None:
    with pytest.raises(BadReview) as refused:
        decode(body)
    message = str(refused.value)
    assert re.search(rf"{re.escape(reason)}(?!\w)", message)
    assert "\n" not in message
    assert len(message) < 200


def test_a_refusal_repeats_nothing_of_the_object() -> None:
    for value in (b"canary", b'"canary', b'"canary\n"', b'"canary\xff"'):
        with pytest.raises(BadReview) as refused:
            decode(IN_OBJECT % value)
        assert "canary" not in str(refused.value)


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_what_is_odd_but_a_review_is_answered(body: bytes) -> None:
    assert answer(body)["response"] == {"uid": decode(body).uid, "allowed": True}


@pytest.mark.parametrize("depth", [198, 300, 900, 100_000])
def test_what_is_nested_too_deeply_is_allowed_unread(depth: int) -> None:
    """A tenant's custom resource may be: their request must not fail because of the webhook."""
    response = answer(IN_OBJECT % (b"[" * depth + b"]" * depth))["response"]
    warning = "left alone: the object has more than 200 levels; nothing was changed or checked"
    assert response == {"uid": "u", "allowed": True, "warnings": [warning]}


def test_an_answer_is_pure_ascii_json_that_go_can_read() -> None:
    request = Request("Pod", "CREATE", {}, uid="🚀\ud800", version=V1)
    answered = respond(request, Result({}, warnings=["ü\n"]))
    assert answered.isascii()
    assert json.loads(answered)["response"]["uid"] == request.uid
    with pytest.raises(ValueError, match="JSON compliant"):
        respond(request, Result({}, operations=[{"op": "add", "path": "/x", "value": float("nan")}]))
