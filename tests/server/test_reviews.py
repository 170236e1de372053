"""What a real API server sent is answered byte for byte as recorded: in process, by the command, and over HTTPS."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.json_patch import applied
from tests.support.reviews import SETTINGS, Review, all_reviews, settings
from tests.support.server import Server, serving
from webhook.admission import engine
from webhook.cli import main as cli
from webhook.rules import RULES

ALL = all_reviews()
each = pytest.mark.parametrize("review", ALL, ids=lambda review: review.id)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Start one server for all, with the settings of the recorded reviews."""
    with serving("--config", str(SETTINGS)) as running:
        yield running


@each
def test_a_review_is_what_its_name_says_and_is_answered_as_recorded(review: Review) -> None:
    assert list(review.problems()) == []
    assert review.response() == review.response_file.read_bytes()


@each
def test_the_command_answers_the_same(review: Review, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.main(["review", "--config", str(SETTINGS), str(review.file)]) == 0
    assert capfdbinary.readouterr() == (review.response_file.read_bytes(), b"")


@each
def test_the_server_answers_the_same(review: Review, server: Server) -> None:
    assert server.post(review.file.read_bytes()) == (200, review.response_file.read_bytes())


@each
def test_the_patch_applies_and_what_it_makes_needs_no_other(review: Review) -> None:
    request, outcome = review.request(), review.outcome()
    if request.object is None:
        assert outcome.operations == []
        return
    patched = applied(request.object, outcome.operations)
    assert patched == outcome.object
    assert engine.evaluate(replace(request, object=patched), settings()).operations == []


def test_nothing_beside_the_reviews_is_orphaned() -> None:
    files = {file for review in ALL for file in (review.file, review.response_file)}
    assert {*SETTINGS.parent.iterdir()} == {*files, SETTINGS}


def test_every_rule_changes_something_that_an_api_server_sent() -> None:
    assert {rule for review in ALL for rule in review.outcome().rules()} == RULES.keys()


def test_both_versions_and_every_operation_are_there() -> None:
    requests = [review.request() for review in ALL]
    operations = {(request.version.rpartition("/")[2], request.operation) for request in requests}
    assert operations == {(version, name) for version in ("v1", "v1beta1") for name in ("CREATE", "UPDATE", "DELETE")}
    sent = [json.loads(review.file.read_text())["request"] for review in ALL]
    assert {request.get("subResource", "") for request in sent} == {"", "ephemeralcontainers"}
    assert {request.get("dryRun") for request in sent} == {True, False}
    matched_otherwise = [request for request in sent if request["kind"] != request["requestKind"]]
    assert {request["requestKind"]["version"] for request in matched_otherwise} == {"v1beta1"}
    updates = [request for request in sent if request["operation"] == "UPDATE"]
    assert all(request["oldObject"]["metadata"]["managedFields"] for request in updates)


@each
def test_a_recording_says_nothing_of_the_machine_or_of_the_run(review: Review) -> None:
    text = review.file.read_text()
    uids = re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", text)
    assert all(uid.startswith("00000000-0000-4000-8000-") for uid in uids)
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:.]+Z", text)) <= {"2026-01-01T00:00:00Z"}
    assert not re.search(r"127\.0\.0\.1|localhost|/home/(?!jovyan)|[0-9a-f]{40}(?<!0{40})", text)
