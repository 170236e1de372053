"""What an administrator sees of the running webhook: metrics over all workers, and one JSON line per review."""

import base64
import json
from collections.abc import Iterator

import pytest

from tests.support.bodies import REVIEW, STATEFUL_SET
from tests.support.metrics import counted
from tests.support.server import Server, review, serving
from webhook.objects.model import Object, Request

LOGGED = {"uid", "kind", "namespace", "name", "operation", "rules", "milliseconds"}
CANARY = "canary7f3a"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def lines_of(server: Server, uid: str) -> list[Object]:
    written = [json.loads(line) for line in server.log.read_text().splitlines()]
    return [line for line in written if line.get("uid") == uid]


def test_the_metrics_count_the_reviews_of_all_workers(server: Server) -> None:
    before = counted(server)
    for _ in range(20):
        assert server.post(REVIEW)[0] == 200
    assert [counted(server) - before for _ in range(8)] == [20] * 8, "whichever worker answers"


def test_a_kind_that_nobody_knows_makes_no_series_of_its_own(server: Server) -> None:
    server.post(review(Request(f"{CANARY}.example.org", "CREATE", {"apiVersion": "example.org/v1"})))
    assert CANARY not in server.observe("/metrics")[1]
    assert 'kind="other"' in server.observe("/metrics")[1]


@pytest.mark.parametrize(
    "name",
    [
        "reviews_total{",
        "changes_total{",
        "review_duration_seconds_bucket{",
        "certificate_expiry_timestamp_seconds",
        "build_info{",
    ],
)
def test_every_metric_of_the_contract_is_there(server: Server, name: str) -> None:
    server.post(REVIEW)
    assert f"\nkubeflow_openshift_{name}" in server.observe("/metrics")[1]


def test_a_review_is_one_line_of_json_in_the_log(server: Server) -> None:
    server.post(REVIEW.replace(b"705ab4f5", b"logged-once"))
    (line,) = lines_of(server, "logged-once")
    assert line.keys() == LOGGED
    assert line.pop("milliseconds") > 0
    assert line == {
        "uid": "logged-once",
        "kind": "StatefulSet.apps",
        "namespace": "team",
        "name": "web",
        "operation": "CREATE",
        "rules": ["fs-group"],
    }


def test_an_object_without_a_name_yet_is_logged_by_what_its_name_begins_with(server: Server) -> None:
    obj = {**STATEFUL_SET, "metadata": {"generateName": "web-"}}
    server.post(review(Request("StatefulSet.apps", "CREATE", obj, uid="generated")))
    assert [line["name"] for line in lines_of(server, "generated")] == ["web-"]


def test_a_name_cannot_forge_a_line_of_the_log(server: Server) -> None:
    server.post(review(Request("Pod", "CREATE", {}, uid="forger", name='x"}\n{"uid":"forged"}' + "n" * 10_000)))
    (line,) = lines_of(server, "forger")
    assert len(line["name"]) <= 253
    assert lines_of(server, "forged") == []


def hostile(uid: str, metadata: Object, container: Object) -> bytes:
    spec = {"securityContext": {"fsGroup": 100}, "containers": [{"name": "main", **container}], "nodeName": CANARY}
    obj = {**STATEFUL_SET, "metadata": metadata, "spec": {"template": {"spec": spec}}, CANARY: CANARY}
    return review(Request("StatefulSet.apps", "CREATE", obj, uid=uid))


@pytest.mark.parametrize(
    ("uid", "metadata", "container"),
    [
        ("canary-env", {}, {"env": [{"name": CANARY, "value": CANARY}], "args": [CANARY], "image": CANARY}),
        ("canary-annotation", {"annotations": {CANARY: CANARY}, "labels": {CANARY: CANARY}}, {}),
        ("canary-annotations", {"annotations": CANARY}, {}),
        ("canary-owner", {"ownerReferences": [{"kind": CANARY}]}, {"securityContext": CANARY}),
        ("canary-ports", {}, {"ports": [CANARY]}),
        ("canary-capability", {}, {"securityContext": {"capabilities": {"add": [CANARY], "drop": {CANARY: CANARY}}}}),
        ("canary-user", {}, {"securityContext": {"runAsUser": CANARY}}),
        ("canary-generated-name", {"generateName": {CANARY: [CANARY]}}, {}),
        ("canary-engine", {}, {"image": "seldon-core-operator", "env": [{"name": {CANARY: 1}, "value": CANARY}]}),
    ],
)
def test_no_value_of_an_object_leaves_but_in_its_patch(
    server: Server, uid: str, metadata: Object, container: Object
) -> None:
    status, body = server.post(hostile(uid, metadata, container))
    assert status == 200
    response = json.loads(body)["response"]
    assert CANARY not in json.dumps(response)
    assert CANARY not in base64.b64decode(response.get("patch", "")).decode()
    assert [CANARY in json.dumps(line) for line in lines_of(server, uid)] == [False]
    assert CANARY not in server.observe("/metrics")[1]
