"""The command line: `review`, `rules`, usage, and what happens when input or output is not there."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bodies import STATEFUL_SET
from tests.support.server import review
from webhook import VERSION
from webhook.admission import engine
from webhook.admission.review import decode, respond
from webhook.cli import main as cli
from webhook.manifests import reader
from webhook.objects.model import Request
from webhook.rules import RULES
from webhook.settings.model import Settings

REVIEW = review(Request("StatefulSet.apps", "CREATE", STATEFUL_SET, namespace="team", name="web", uid="705ab4f5"))
COMMANDS = ("serve", "review", "fix", "rules")


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def refusal(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must refuse with exit code 2 and one line on stderr, and return that line."""
    code = cli.main(arguments)
    printed = capfd.readouterr()
    assert (code, printed.out, printed.err.count("\n")) == (2, "", 1)
    return printed.err


def run(*arguments: str, shell: str = '"$@"') -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with the shell's redirections."""
    command = ["sh", "-c", shell, "sh", sys.executable, "-m", "webhook", *arguments]
    return subprocess.run(command, input="", capture_output=True, text=True, timeout=30, check=False)


def expected() -> str:
    request = decode(REVIEW)
    return respond(request, engine.evaluate(request, Settings())).decode()


def test_a_review_in_a_file_is_answered_byte_for_byte(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "review.json").write_bytes(REVIEW)
    (tmp_path / "review.yaml").write_text(reader.dump(json.loads(REVIEW)))
    for name in ("review.json", "review.yaml"):
        assert cli.main(["review", str(tmp_path / name)]) == 0
        assert capfd.readouterr() == (expected(), "")


@pytest.mark.parametrize("arguments", [["review"], ["review", "-"]])
def test_a_review_on_standard_input_is_answered(
    arguments: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in (REVIEW, b" \n" + REVIEW, reader.dump(json.loads(REVIEW)).encode()):
        stdin(monkeypatch, content)
        assert cli.main(arguments) == 0
        assert capfd.readouterr() == (expected(), "")


def test_a_review_is_answered_under_the_configuration(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "review.json").write_bytes(REVIEW)
    (tmp_path / "config.yaml").write_text("rules: {fs-group: false}")
    assert cli.main(["review", "--config", str(tmp_path / "config.yaml"), str(tmp_path / "review.json")]) == 0
    assert "patch" not in json.loads(capfd.readouterr().out)["response"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"{", b"null", b"\xff", b"a: [\n", b"a: 1\n---\nb: 2\n", b"a: !!bool x\n"],
)
def test_what_is_no_review_is_refused_in_one_line(
    content: bytes, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "review"
    path.write_bytes(content)
    assert refusal(capfd, "review", str(path)).startswith(f"{path}:")


def test_a_review_that_is_missing_is_named(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert str(tmp_path / "none") in refusal(capfd, "review", str(tmp_path / "none"))
    assert str(tmp_path) in refusal(capfd, "review", str(tmp_path))


def test_fix_names_a_missing_file_and_an_empty_folder(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for how in ([], ["--in-place"], ["--diff"], ["--output-dir", str(tmp_path / "out")]):
        assert str(tmp_path / "none.yaml") in refusal(capfd, "fix", *how, str(tmp_path / "none.yaml"))
        assert str(tmp_path) in refusal(capfd, "fix", *how, str(tmp_path))


def test_the_table_has_every_rule_by_its_whole_id_and_says_which_are_on(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "config.yaml").write_text("rules: {fs-group: false}")
    for config, on in (([], "yes"), (["--config", str(tmp_path / "config.yaml")], "no")):
        assert cli.main(["rules", *config]) == 0
        lines = [line for line in capfd.readouterr().out.splitlines() if line[2:3].isalpha()]
        rows = {line.split()[0]: line.split()[-1] for line in lines}
        assert rows.keys() == {"rule", *RULES}
        assert rows["fs-group"] == on


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rules_page_says_what_its_docstring_says(rule: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rules", rule]) == 0
    page, printed = RULES[rule].page, capfd.readouterr().out
    assert printed.startswith(f"{rule}\n\n{page.summary}\n")
    for name, content in page.sections.items():
        assert f"\n{name}\n" in printed
        assert all(line in printed for line in content.splitlines())


def test_json_is_the_list_that_the_contract_promises(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("rules: {fs-group: false}")
    assert cli.main(["rules", "--json", "--config", str(tmp_path / "config.yaml")]) == 0
    listing = json.loads(capfd.readouterr().out)
    assert [rule["id"] for rule in listing] == sorted(RULES)
    for rule in listing:
        assert list(rule) == ["id", "summary", "kinds", "enabled", "page"]
        assert rule["summary"] == RULES[rule["id"]].page.summary
        assert rule["kinds"] == list(RULES[rule["id"]].kinds)
        assert rule["enabled"] is (RULES[rule["id"]].default and rule["id"] != "fs-group")
        assert rule["page"].startswith(f"{rule['id']}\n")
    assert cli.main(["rules", "--json", "fs-group"]) == 0
    assert [rule["id"] for rule in json.loads(capfd.readouterr().out)] == ["fs-group"]


def test_markdown_has_a_section_for_every_rule(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rules", "--markdown"]) == 0
    headings = [line for line in capfd.readouterr().out.splitlines() if line.startswith("## ")]
    assert headings == [f"## {rule}" for rule in sorted(RULES)]
    assert cli.main(["rules", "--markdown", "fs-group"]) == 0
    assert capfd.readouterr().out.startswith("## fs-group\n")


def test_a_rule_that_nobody_knows_is_refused_with_those_there_are(capfd: pytest.CaptureFixture[str]) -> None:
    assert "fs-group" in refusal(capfd, "rules", "fs-groups")


@pytest.mark.parametrize("command", ["review", "fix", "rules"])
def test_every_command_refuses_a_broken_configuration(
    command: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("rules:\n  fs-group: perhaps\n")
    (tmp_path / "input.yaml").write_text("{}")
    inputs = [] if command == "rules" else [str(tmp_path / "input.yaml")]
    assert refusal(capfd, command, "--config", str(config), *inputs).startswith(f"{config}:2: rules.fs-group: ")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["fix"],
        ["fix", "--diff", "--in-place", "x"],
        ["fix", "--output-dir"],
        ["rules", "--json", "--markdown"],
        ["rules", "a", "b"],
        ["review", "a", "b"],
        ["serve", "--port", "https"],
        ["--nonsense"],
    ],
)
def test_bad_usage_is_exit_code_2_and_says_how(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    printed = capfd.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert printed.err.startswith("usage: kubeflow-openshift")


@pytest.mark.parametrize("command", [[], *([command] for command in COMMANDS)])
def test_every_command_explains_itself(command: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, "--help"])
    assert ended.value.code == 0
    assert capfd.readouterr().out.startswith("usage: kubeflow-openshift")


def test_the_version_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert (ended.value.code, capfd.readouterr().out) == (0, f"{VERSION}\n")


@pytest.mark.parametrize("arguments", [["rules"], ["rules", "--markdown"], ["fix", "--diff", "FILE"], ["fix", "FILE"]])
def test_a_reader_that_leaves_is_no_error(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text("---\n".join(["a: b\n"] * 20_000))
    arguments = [str(tmp_path / "many.yaml") if argument == "FILE" else argument for argument in arguments]
    ended = run(*arguments, shell='"$@" | :')
    assert ended.stderr == ""


@pytest.mark.parametrize("arguments", [["review"], ["fix", "-"]])
def test_closed_standard_input_is_bad_input(arguments: list[str]) -> None:
    ended = run(*arguments, shell='exec "$@" <&-')
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("arguments", [["rules", "--json"], ["rules"]])
def test_closed_or_full_standard_output_is_said_in_one_line(arguments: list[str]) -> None:
    for place in ("&-", "/dev/full"):
        ended = run(*arguments, shell=f'exec "$@" >{place}')
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr


def test_the_module_runs_as_a_command() -> None:
    assert run("--version").stdout == f"{VERSION}\n"
    ended = run("review", "/nonexistent")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
