"""Every case, through every path: alone, twice, in both orders, through the server, `review` and `fix`."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cases import FILES, FIXTURES, Case, all_cases
from tests.support.server import Server, review, serving
from webhook.admission import engine
from webhook.admission.engine import ALL_RULES
from webhook.cli import main as cli
from webhook.objects import patch
from webhook.offline import fix
from webhook.rules import RULES

CASES = all_cases()
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


@pytest.fixture(scope="module")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config") / "config.yaml"


@pytest.fixture(scope="module")
def server(config_file: Path) -> Iterator[Server]:
    config_file.write_text("")
    with serving("--config", str(config_file)) as running:
        yield running


@each_case
def test_the_engine_makes_of_it_what_is_expected(case: Case) -> None:
    outcome = case.outcome()
    assert outcome.object == case.expected()
    assert case.evaluated_text() == case.expected_file.read_text()
    assert list(case.problems()) == []


@each_case
def test_the_patch_applied_to_the_request_gives_the_object(case: Case) -> None:
    outcome, obj = case.outcome(), case.request().object
    assert obj is not None
    assert patch.json_equal(patch.apply(obj, outcome.operations), outcome.object)
    assert len(outcome.findings) == len(outcome.operations)


@each_case
def test_evaluating_twice_changes_nothing_more(case: Case) -> None:
    again = engine.evaluate(replace(case.request(), object=case.outcome().object), case.settings())
    assert again.operations == []


@each_case
def test_the_order_of_rules_does_not_matter(case: Case) -> None:
    assert patch.json_equal(case.outcome(ALL_RULES[::-1]).object, case.outcome().object)


@each_case
def test_the_request_stays_as_it_was(case: Case) -> None:
    request = case.request()
    before = json.dumps(request.object)
    engine.evaluate(request, case.settings())
    assert json.dumps(request.object) == before


@each_case
def test_server_and_review_answer_the_same_bytes(
    case: Case, server: Server, config_file: Path, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    fix.write(config_file, case.settings_file.read_text() if case.settings_file else "")
    body = review(case.request())
    (tmp_path / "review.json").write_bytes(body)
    assert cli.main(["review", "--config", str(config_file), str(tmp_path / "review.json")]) == 0
    assert server.post(body) == (200, capfdbinary.readouterr().out)


@pytest.mark.parametrize("case", [case for case in CASES if not case.updates], ids=lambda case: case.id)
def test_fix_prints_what_is_expected(case: Case, capfd: pytest.CaptureFixture[str]) -> None:
    config = ["--config", str(case.settings_file)] if case.settings_file else []
    assert cli.main(["fix", *config, str(case.folder / "request.yaml")]) == 0
    assert capfd.readouterr().out == case.expected_file.read_text()


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_has_a_case_that_changes_and_one_that_keeps(rule: str) -> None:
    of_rule = [case for case in CASES if case.folder.parent.name == rule]
    assert any(case.changes for case in of_rule)
    assert not all(case.changes for case in of_rule)


def test_nothing_in_the_fixtures_is_orphaned() -> None:
    assert {folder.name for folder in FIXTURES.iterdir()} == {*RULES, "reviews"}
    for case in CASES:
        names = {path.name for path in case.folder.iterdir()}
        assert {"request.yaml", "expected.yaml"} <= names <= FILES, case.id
