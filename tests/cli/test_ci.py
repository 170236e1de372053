"""The GitHub Action, the hooks of pre-commit and the recipes of docs/ci.md: what their steps run, run here."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.paths import ROOT
from webhook import HOMEPAGE, VERSION
from webhook.manifests import reader

ACTION: Final = reader.one_document(ROOT / "action.yml").value
STEPS: Final = {step.get("name", step.get("id")): step for step in ACTION["runs"]["steps"]}
HOOKS: Final = {hook["id"]: hook for hook in reader.one_document(ROOT / ".pre-commit-hooks.yaml").value}
PAGE: Final = (ROOT / "docs/ci.md").read_text()
WHEEL: Final = f"{HOMEPAGE}/releases/download/v{VERSION}/kubeflow_openshift-{VERSION}-py3-none-any.whl"
DEPLOYMENT: Final = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: kubeflow}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      securityContext: {runAsUser: 1000}
      containers: [{name: main, image: example}]
"""
REJECTED: Final = DEPLOYMENT.replace("      containers", "      hostNetwork: true\n      containers")


def recipe(heading: str) -> Any:
    """Return the YAML block below a heading of the page."""
    [block] = re.findall(rf"(?ms)^## {heading}\n.*?^```yaml\n(.*?)^```", PAGE)
    [document] = reader.documents(block, heading)
    return document.value


def shell(script: str, *options: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub runs a step: with bash, until the first command that fails."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", *options, "-c", script]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package as the action does, and return the runner's temporary folder."""
    folder = tmp_path_factory.mktemp("runner temp")
    places = {"RUNNER_TEMP": str(folder), "GITHUB_ACTION_PATH": str(source(folder)), "PIP_NO_COMPILE": "1"}
    assert STEPS["Install"]["env"] == {"PYTHON": "${{ steps.python.outputs.python-path }}"}
    done = shell(STEPS["Install"]["run"], cwd=folder, PYTHON=sys.executable, **places)
    assert done.returncode == 0, done.stderr
    return folder


def source(folder: Path) -> Path:
    """Link what a package is built from into a folder: building leaves files where it happens."""
    copy = folder / "action"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements.lock", "webhook", "certs"):
        (copy / name).symlink_to(ROOT / name)
    return copy


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a user's repository with a manifest and a file of values."""
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/web.yaml").write_text(DEPLOYMENT)
    (tmp_path / "manifests/values.yaml").write_text("replicas: 2\n")
    return tmp_path


def checked(runner: Path, repository: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the action's step `Check` with its inputs."""
    given = {name: each.get("default", "") for name, each in ACTION["inputs"].items()} | inputs
    named = {
        variable: re.sub(r"^\$\{\{ inputs\.(\w+) \}\}$", lambda match: given[match[1]], value)
        for variable, value in STEPS["Check"]["env"].items()
    }
    assert "${{" not in "".join(named.values())
    assert "${{" not in STEPS["Check"]["run"], "an input in a script is evaluated by the shell"
    output = repository / "output"
    output.touch()
    places = {"RUNNER_TEMP": str(runner), "GITHUB_OUTPUT": str(output)}
    return shell(STEPS["Check"]["run"], cwd=repository, **named, **places)


def sarif(repository: Path) -> Any:
    """Return the report that the step named as its output."""
    name, _, path = (repository / "output").read_text().strip().partition("=")
    assert name == "sarif"
    return json.loads(Path(path).read_text())


def test_the_action_reports_and_passes_what_the_webhook_saves(runner: Path, repository: Path) -> None:
    done = checked(runner, repository, paths="manifests/*.yaml")
    assert done.returncode == 0, done.stderr
    assert "0 of 1 admitted before the webhook, 1 after" in done.stdout
    results = sarif(repository)["runs"][0]["results"]
    assert {result["ruleId"] for result in results} == {"run-as-user"}


def test_the_action_fails_on_a_rejected_pod_and_still_has_the_report(runner: Path, repository: Path) -> None:
    (repository / "manifests/web.yaml").write_text(REJECTED)
    assert checked(runner, repository, paths="manifests").returncode == 1
    found = {result["ruleId"] for result in sarif(repository)["runs"][0]["results"]}
    assert "rejected-by-scc" in found


def test_a_wrong_option_fails_the_action_with_a_sentence_and_without_a_report(runner: Path, repository: Path) -> None:
    done = checked(runner, repository, paths="manifests", options="--outputs=$(touch evaluated)")
    assert done.returncode == 2
    assert "did you mean --output?" in done.stderr
    assert (repository / "output").read_text() == ""
    assert not (repository / "evaluated").exists()


def test_the_report_is_uploaded_if_there_is_one_even_after_a_failure() -> None:
    assert ACTION["outputs"]["sarif"]["value"] == STEPS["Upload"]["with"]["sarif_file"]
    for part in ("!cancelled()", "inputs.upload == 'true'", "steps.check.outputs.sarif != ''"):
        assert part in STEPS["Upload"]["if"]


def test_the_recipe_for_github_gives_the_actions_own_inputs(runner: Path, repository: Path) -> None:
    [step] = [step for step in recipe("GitHub")["jobs"]["check"]["steps"] if "with" in step]
    assert step["uses"] == f"{HOMEPAGE.removeprefix('https://github.com/')}@v{VERSION}"
    assert {name for name, each in ACTION["inputs"].items() if each.get("required")} <= set(step["with"])
    assert set(step["with"]) <= set(ACTION["inputs"])
    assert checked(runner, repository, **step["with"]).returncode == 0


def installed_script(text: str) -> str:
    """Return a recipe's script with a package that is already there in place of the wheel."""
    assert WHEEL in text
    return text.replace(WHEEL, "pip")


def test_the_recipe_for_gitlab_writes_the_report_that_it_names(runner: Path, repository: Path) -> None:
    job = recipe("GitLab")["openshift"]
    path = f"{runner}/kubeflow-openshift/bin:{os.environ['PATH']}"
    done = shell(installed_script("\n".join(job["script"])), cwd=repository, PATH=path)
    assert done.returncode == 0, done.stderr
    assert "<testsuites" in (repository / job["artifacts"]["reports"]["junit"]).read_text()


@pytest.mark.parametrize(("manifest", "code"), [(DEPLOYMENT, 0), (REJECTED, 1)])
def test_the_recipe_for_tekton_checks_its_path(runner: Path, repository: Path, manifest: str, code: int) -> None:
    (repository / "manifests/web.yaml").write_text(manifest)
    spec = recipe("Tekton")["spec"]
    [step] = spec["steps"]
    defaults = {param["name"]: param["default"] for param in spec["params"]}
    assert step["workingDir"] == f"$(workspaces.{spec['workspaces'][0]['name']}.path)"
    assert "$(params" not in step["script"], "a parameter in a script is evaluated by the shell"
    named = {each["name"]: each["value"].replace("$(params.path)", defaults["path"]) for each in step["env"]}
    script = repository / "script"
    venv = shlex.quote(str(runner / "kubeflow-openshift"))
    script.write_text(installed_script(step["script"]).replace("python3 -m venv", f"ln -s {venv}"))
    script.chmod(0o755)
    done = shell("./script", cwd=repository, TMPDIR=str(repository), **named)
    assert done.returncode == code, done.stderr
    assert "after" in done.stdout


def hook(runner: Path, repository: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run a hook's entry as pre-commit does: its words, then the files that it does not leave out."""
    files = [str(path.relative_to(repository)) for path in repository.rglob("*.yaml")]
    chosen = [file for file in files if not re.search(HOOKS[name]["exclude"], file)]
    command = [*shlex.split(HOOKS[name]["entry"]), *chosen]
    environment = {**os.environ, "PATH": f"{runner}/kubeflow-openshift/bin:{os.environ['PATH']}"}
    return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("manifest", "code"), [(DEPLOYMENT, 0), (REJECTED, 1)])
def test_the_hook_fails_on_a_rejected_pod_only(runner: Path, repository: Path, manifest: str, code: int) -> None:
    (repository / "manifests/web.yaml").write_text(manifest)
    (repository / "manifests/kustomization.yaml").write_text("resources: [web.yaml]\n")
    (repository / "templates").mkdir()
    (repository / "templates/web.yaml").write_text("name: {{ .Values.name }}: {{\n")
    done = hook(runner, repository, "kubeflow-openshift-check")
    assert done.returncode == code, done.stderr
    assert done.stderr == ""


def test_the_other_hook_rewrites_what_changes(runner: Path, repository: Path) -> None:
    done = hook(runner, repository, "kubeflow-openshift-fix")
    assert done.returncode == 0, done.stderr
    assert (repository / "manifests/values.yaml").read_text() == "replicas: 2\n"
    assert (repository / "manifests/web.yaml").read_text() == DEPLOYMENT.replace(
        "runAsUser: 1000", "runAsNonRoot: true"
    )


def test_the_recipe_for_pre_commit_names_a_hook_of_this_version() -> None:
    [entry] = recipe("pre-commit")["repos"]
    assert (entry["repo"], entry["rev"]) == (HOMEPAGE, f"v{VERSION}")
    assert {each["id"] for each in entry["hooks"]} <= set(HOOKS)
    assert all(each["language"] == "python" and each["require_serial"] for each in HOOKS.values())
