"""The outputs of `check`: text, JSON, JUnit, SARIF and HTML have the same verdicts, lines and warnings."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.support.checked import AGENT, MYSQL, ROLLOUT
from tests.support.paths import ROOT
from webhook import HOMEPAGE, VERSION
from webhook.cli import main as cli
from webhook.rules import RULES

WARNING = "fs-group: files of group 999 on its volumes keep that group"
UNKNOWN = "its kind is unknown, and spec.template.spec looks like a pod spec"
FORMS = ("text", "json", "sarif", "junit", "html")

Run = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory with one StatefulSet that is fixed, one that stays rejected, and a Rollout."""
    (tmp_path / "mysql.yaml").write_text(MYSQL.replace("ACCOUNT", "default"))
    (tmp_path / "agent.yaml").write_text(f"# first\n---\n{AGENT}".replace("ACCOUNT", "agent"))
    (tmp_path / "rollout.yaml").write_text(ROLLOUT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def check(folder: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs `check` on the folder in one form and returns what it prints."""

    def run(form: str, *words: str, code: int = 1) -> str:
        assert cli.main(["check", f"--output={form}", *words, "."]) == code
        out, _ = capfd.readouterr()
        return out

    return run


def line_of(file: str, text: str) -> int:
    """Return the first line of a file that has a text."""
    return next(n for n, line in enumerate(Path(file).read_text().splitlines(), 1) if text in line)


def test_json_is_as_the_schema_has_it(check: Run) -> None:
    found = json.loads(check("json"))
    jsonschema.validate(found, json.loads((ROOT / "docs/check.schema.json").read_text()))
    assert (found["version"], found["summary"]) == (VERSION, {"templates": 2, "admittedBefore": 0, "admittedAfter": 1})
    agent, mysql = found["templates"]
    assert (mysql["kind"], mysql["namespace"], mysql["path"]) == ("StatefulSet.apps", "kubeflow", "/spec/template")
    assert (mysql["file"], mysql["line"]) == ("mysql.yaml", 8)
    assert mysql["before"]["admittedBy"] is None
    assert "999 is not an allowed group" in mysql["before"]["verdicts"]["restricted-v2"][0]
    assert mysql["after"] == {"admittedBy": "restricted-v2", "verdicts": {"restricted-v2": []}}
    assert mysql["warnings"] == [WARNING]
    assert mysql["smallest"] is None
    changed = [(each["rule"], each["line"], each["before"], each["after"]) for each in mysql["findings"]]
    assert changed == [("fs-group", 11, 999, None), ("run-as-user", 15, None, True), ("run-as-user", 16, 999, None)]
    assert (agent["smallest"], agent["findings"]) == ("hostmount-anyuid", [])
    why = {"kind": "Rollout.argoproj.io", "name": "canary", "why": UNKNOWN}
    assert found["notJudged"] == [{"file": "rollout.yaml", "line": 6, **why}]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_warnings(check: Run, form: str) -> None:
    out = " ".join(check(form).split())
    assert WARNING.partition(": ")[2] in out


@pytest.mark.parametrize("form", FORMS[1:])
def test_every_form_for_machines_has_what_is_not_judged(check: Run, form: str) -> None:
    assert UNKNOWN in check(form)


def test_an_unknown_kind_with_a_pod_template_is_named(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "agent.yaml").unlink()
    assert cli.main(["check", "."]) == 0
    assert capfd.readouterr().err == f"rollout.yaml:6: Rollout.argoproj.io canary: not judged: {UNKNOWN}\n"
    assert cli.main(["check", "rollout.yaml"]) == 2  # nothing was judged
    assert "0 of 0" in capfd.readouterr().out


def test_a_file_that_cannot_be_read_is_in_every_form_for_machines(check: Run, folder: Path) -> None:
    (folder / "broken.yaml").write_text("kind: Pod\n  a: b\n")
    why = "mapping values are not allowed in this context"
    found = json.loads(check("json", code=2))["notJudged"][0]
    assert found == {"file": "broken.yaml", "line": 2, "kind": "", "name": "", "why": why}
    errors = ET.fromstring(check("junit", code=2)).findall(".//error")
    assert [error.get("message") for error in errors] == [why, UNKNOWN]
    [invocation] = json.loads(check("sarif", code=2))["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert len(invocation["toolExecutionNotifications"]) == 2


def test_text_fits_80_columns_and_cuts_no_name(check: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = "a-name-of-a-workload-that-is-much-longer-than-any-column-of-a-table"
    (folder / "long.yaml").write_text(MYSQL.replace("mysql", long).replace("ACCOUNT", long))
    out = check("text")
    assert f"StatefulSet kubeflow/{long}\n  long.yaml:8\n  before: rejected, after: restricted-v2\n" in out
    assert f"  changed by: fs-group, run-as-user\n  warning: {WARNING}\n" in out
    assert max(map(len, out.splitlines())) <= max(80, len(f"StatefulSet kubeflow/{long}"))
    assert "…" not in out


def test_text_has_rejected_objects_last_with_reason_and_grant(check: Run) -> None:
    assert check("text").endswith("""\
StatefulSet kubeflow/agent
  agent.yaml:10
  before: rejected, after: rejected
  spec.securityContext.fsGroup [999]: 999 is not an allowed group
  spec.volumes[0] "hostPath": hostPath volumes are not allowed to be used
  containers[0].runAsUser 999: must be in the ranges: [1000650000, 1000659999]
  service account agent needs SCC hostmount-anyuid

workloads that create pods: 0 of 2 admitted before the webhook, 1 after
all pod templates: 0 of 2 admitted before the webhook, 1 after
stays rejected: 1 StatefulSet
""")


def test_text_shows_objects_that_are_alike_once(check: Run, folder: Path) -> None:
    for number in (1, 2):
        (folder / f"copy-{number}.yaml").write_text("#\n" * number + MYSQL.replace("ACCOUNT", f"of-{number}"))
    out = check("text")
    places = "  3 objects like this:\n    copy-1.yaml:9\n    copy-2.yaml:10\n    mysql.yaml:8\n"
    assert f"StatefulSet kubeflow/mysql\n{places}  before: rejected, after: restricted-v2\n" in out
    assert out.count("kubeflow/mysql") == 1


def test_junit_has_totals_and_what_is_not_judged_as_errors(check: Run) -> None:
    root = ET.fromstring(check("junit"))
    totals = ("tests", "failures", "errors")
    assert [root.get(key) for key in totals] == ["3", "1", "1"]
    assert {suite.get("name"): [suite.get(key) for key in totals] for suite in root} == {
        "agent.yaml": ["1", "1", "0"],
        "mysql.yaml": ["1", "0", "0"],
        "rollout.yaml": ["1", "0", "1"],
    }
    assert all(float(each.get("time", "")) > 0 for each in (root, *root))
    failed = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert failed == ["StatefulSet kubeflow/agent /spec/template"]


def test_junit_is_xml_whatever_a_manifest_says(check: Run, folder: Path) -> None:
    (folder / "odd.json").write_text(json.dumps({"kind": "Odd\0", "spec": {"containers": [{"image": "\ufffe"}]}}))
    assert ET.fromstring(check("junit")).get("errors") == "2"


def test_sarif_names_the_rule_and_the_line_of_the_field(check: Run) -> None:
    results = json.loads(check("sarif"))["runs"][0]["results"]
    found = [(each["ruleId"], each["level"], *place(each)) for each in results]
    assert found == [
        ("webhook-warning", "warning", "agent.yaml", line_of("agent.yaml", "    spec:")),
        ("rejected-by-scc", "error", "agent.yaml", line_of("agent.yaml", "fsGroup")),
        ("rejected-by-scc", "error", "agent.yaml", line_of("agent.yaml", "name: data")),
        ("rejected-by-scc", "error", "agent.yaml", line_of("agent.yaml", "runAsUser")),
        ("fs-group", "note", "mysql.yaml", line_of("mysql.yaml", "fsGroup")),
        ("run-as-user", "note", "mysql.yaml", line_of("mysql.yaml", "runAsUser") - 1),
        ("run-as-user", "note", "mysql.yaml", line_of("mysql.yaml", "runAsUser")),
        ("fs-group", "warning", "mysql.yaml", line_of("mysql.yaml", "    spec:")),
    ]


def place(result: dict[str, Any]) -> tuple[str, int]:
    """Return the URI and the line of a result."""
    [location] = result["locations"]
    physical = location["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


def test_sarif_has_what_its_schema_requires(check: Run) -> None:
    """Check by hand what OASIS' schema requires and GitHub reads: no package in the registries has that schema."""
    log = json.loads(check("sarif"))
    assert log.keys() == {"$schema", "version", "runs"}
    [run] = log["runs"]
    driver = run["tool"]["driver"]
    rules = {rule["id"]: rule for rule in driver["rules"]}
    assert len(rules) == len(driver["rules"])
    assert rules.keys() >= RULES.keys() | {each["ruleId"] for each in run["results"]}
    for rule in rules.values():
        assert rule.keys() == {"id", "shortDescription", "help", "helpUri"}
        assert rule["help"]["text"]
        page, _, anchor = rule["helpUri"].removeprefix(f"{HOMEPAGE}/blob/main/").partition("#")
        assert f"# {anchor}\n" in (ROOT / page).read_text().lower()
    for result in run["results"]:
        assert result.keys() == {"ruleId", "level", "message", "locations", "partialFingerprints"}
        assert result["level"] in {"note", "warning", "error"}
        assert result["message"]["text"]
    prints = [each["partialFingerprints"]["object/v1"] for each in run["results"]]
    assert len(set(prints)) == len(prints)


def test_the_pages_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["urls"]["Homepage"] == HOMEPAGE


def test_sarif_keeps_its_fingerprints_when_lines_move(check: Run, folder: Path) -> None:
    def prints() -> list[dict[str, str]]:
        return [each["partialFingerprints"] for each in json.loads(check("sarif"))["runs"][0]["results"]]

    before = prints()
    (folder / "mysql.yaml").write_text("#\n#\n" + (folder / "mysql.yaml").read_text())
    assert prints() == before


def test_sarif_has_relative_uris_below_the_working_directory(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a b").mkdir()
    (folder / "mysql.yaml").rename(folder / "a b/ü.yaml")
    for place_, uri in ((folder, "a%20b/%C3%BC.yaml"), (folder / "a b", "%C3%BC.yaml"), (folder.parent, None)):
        monkeypatch.chdir(place_)
        assert cli.main(["check", "--output=sarif", str(folder / "a b")]) == 0
        result = json.loads(capfd.readouterr().out)["runs"][0]["results"][0]
        assert place(result)[0] == uri or f"{folder.name}/a%20b/%C3%BC.yaml"


@pytest.mark.parametrize(("when", "code"), [("after", 0), ("before", 1), ("never", 0)])
def test_fail_on_chooses_the_verdict_that_counts(
    folder: Path, capfd: pytest.CaptureFixture[str], when: str, code: int
) -> None:
    assert cli.main(["check", f"--fail-on={when}", "mysql.yaml"]) == code
    assert cli.main(["check", f"--fail-on={when}", "agent.yaml"]) == (when != "never")
    capfd.readouterr()
