"""What the command line says of itself: help, wrong words, completion, and what it imports for that."""

import argparse
import re
import resource
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.blocks import blocks
from webhook.cli import main as cli
from webhook.rules import RULES


def commands() -> Mapping[str, argparse.ArgumentParser]:
    (found,) = [action for action in cli.parser()._actions if isinstance(action, argparse._SubParsersAction)]
    choices: Mapping[str, argparse.ArgumentParser] = found.choices
    return choices


COMMANDS = commands()
HEAVY = ("kubernetes", "flask", "gunicorn", "gevent", "cryptography", "jinja2", "rich", "yaml", "jsonpatch", "tempfile")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_that_parse_and_the_exit_codes(name: str) -> None:
    text = COMMANDS[name].format_help()
    examples, codes = text[text.index("examples:") :].split("exit codes:")
    lines = [line.strip() for line in examples.splitlines()[1:] if line.strip()]
    assert 2 <= len(lines) <= 3
    for line in lines:
        _, _, words = line.partition("kubeflow-openshift ")
        given = re.split(r" [<>|] |\)", words)[0]
        assert cli.parser().parse_args(shlex.split(given)).command, line
    assert [line.split()[0] for line in codes.splitlines() if line.strip()] in (["0", "2"], ["0", "1", "2"])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_is_explained(name: str) -> None:
    for action in COMMANDS[name]._actions:
        assert len((action.help or "").split()) > 2, action.dest


@pytest.mark.parametrize(
    ("arguments", "usage", "said"),
    [
        (["check", "--outptu", "html", "x"], "check", "unrecognized arguments: --outptu (did you mean --output?)"),
        (["check", "--outptu=html"], "check", "unrecognized arguments: --outptu=html (did you mean --output?)"),
        (["fix", "--in-palce"], "fix", "(did you mean --in-place?)"),
        (["check", "--output", "htlm", "x"], "check", "(did you mean html?)"),
        (["chek", "x"], "[-h]", "(did you mean check?)"),
        (["--verison"], "[-h]", "(did you mean --version?)"),
        (["check", "--xyzzy", "x"], "check", "unrecognized arguments: --xyzzy\n"),
        (["rules", "a", "b"], "rules", "unrecognized arguments: b\n"),
        (["completion", "zhs"], "completion", "(did you mean zsh?)"),
    ],
)
def test_a_wrong_word_gets_the_nearest_right_one_and_the_usage_of_its_command(
    arguments: list[str], usage: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    out, err = capfd.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert err.startswith(f"usage: kubeflow-openshift {usage}")
    assert said in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rules", "fsgroup"], "fsgroup: no such rule (did you mean fs-group?); there are: access-mode, "),
        (["rules", "nothing-like-it"], "nothing-like-it: no such rule; there are: "),
        (["check", "--scc", "anyiud", "x.yaml"], "anyiud: no such SCC (did you mean anyuid?); known here: "),
    ],
)
def test_a_wrong_name_gets_the_nearest_right_one_in_one_line(
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text("{apiVersion: v1, kind: Namespace}")
    assert cli.main(arguments) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(said)


def test_what_follows_two_dashes_is_no_option(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fix", "--", "--outptu"]) == 2
    assert "usage" not in capfd.readouterr().err


def test_the_examples_of_the_page_are_those_that_are_run_here() -> None:
    [examples] = [block.text for block in blocks("docs/commands.md") if "completion" in block.text]
    shells = re.findall(r"^(?:source <\()?kubeflow-openshift completion (\w+)", examples, re.MULTILINE)
    assert shells == ["bash", "zsh", "fish"]


def completed(line: str, *, cursor: str = "") -> list[str]:
    """Return what bash offers for the last word of a line, as it splits a line itself."""
    words = line.replace("=", " = ").split() + ([cursor] if line.endswith((" ", "=")) else [])
    script = (
        f"source <({shlex.quote(sys.executable)} -m webhook completion bash)\n"
        f"COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}; _kubeflow_openshift\n"
        'printf "%s\\n" "${COMPREPLY[@]}"; complete -p kubeflow-openshift >&2'
    )
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stderr == "complete -o default -F _kubeflow_openshift kubeflow-openshift\n"
    return ended.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("kubeflow-openshift ", [*COMMANDS, "--help", "--version"]),
        ("kubeflow-openshift ch", ["check"]),
        ("kubeflow-openshift check --na", ["--namespace-range", "--namespace"]),
        ("kubeflow-openshift check --output ", ["text", "json", "sarif", "junit", "html"]),
        ("kubeflow-openshift check --output s", ["sarif"]),
        ("kubeflow-openshift check --output=", ["text", "json", "sarif", "junit", "html"]),
        ("kubeflow-openshift check --output=h", ["html"]),
        ("kubeflow-openshift check file.yaml --fail-on b", ["before"]),
        ("kubeflow-openshift check --config ", []),  # bash offers files
        ("kubeflow-openshift check ", []),
        ("kubeflow-openshift rules ", sorted(RULES)),
        ("kubeflow-openshift rules fs", ["fs-group"]),
        ("kubeflow-openshift completion ", ["bash", "zsh", "fish"]),
        ("kubeflow-openshift none ", []),
    ],
)
def test_bash_completes(line: str, offered: list[str]) -> None:
    assert completed(line) == offered


@pytest.mark.parametrize(
    ("shell", "then", "offered"),
    [
        (
            "zsh -f -c",
            "source <({}); print -l $_comps[kubeflow-openshift]",
            "_bash_complete -o default -F _kubeflow_openshift",
        ),
        ("fish -c", "{} | source; complete -C 'kubeflow-openshift check --output '", "html\njson\njunit\nsarif\ntext"),
        ("fish -c", "{} | source; complete -C 'kubeflow-openshift rules run-as-u'", "run-as-user"),
    ],
)
def test_other_shells_complete(shell: str, then: str, offered: str) -> None:
    name, *flags = shell.split()
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    script = then.format(f"{shlex.quote(sys.executable)} -m webhook completion {name}")
    ended = subprocess.run([name, *flags, script], capture_output=True, text=True, check=True, timeout=60)
    assert (ended.stdout.strip(), ended.stderr) == (offered, "")


@pytest.mark.parametrize("arguments", [["check", "--help"], ["--version"], ["--help"]])
def test_help_imports_and_costs_little(arguments: list[str]) -> None:
    code = f"import sys\nsys.argv = ['kubeflow-openshift', *{arguments}]\n"
    code += "try:\n    from webhook.cli.main import main\n    main()\n"
    code += f"finally:\n    sys.stderr.write(','.join(name for name in {HEAVY} if name in sys.modules))"
    seconds = []
    for _ in range(3):  # the least counts: other processes share the CPU's caches
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert ended.stderr == ""
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.3


def test_check_imports_no_server_and_no_client(tmp_path: Path) -> None:
    (tmp_path / "it.yaml").write_text("{apiVersion: v1, kind: Namespace, metadata: {name: a}}")
    unwanted = [name for name in HEAVY if name not in ("rich", "yaml", "jsonpatch", "tempfile")]
    code = f"import sys\nfrom webhook.cli.main import main\nmain(['check', {str(tmp_path)!r}])\n"
    code += f"sys.stderr.write(','.join(name for name in {unwanted} if name in sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stderr == ""
