"""`fix` as a function of the real kustomize and a post-renderer of the real Helm 3 and 4, as the documentation says."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import upstream
from tests.support.paths import ROOT
from webhook.manifests import reader
from webhook.objects.model import Object

PAGE = (ROOT / "docs/command-line.md").read_text()
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: kubeflow}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      securityContext: {runAsUser: 1000, fsGroup: 100, runAsNonRoot: true}
      containers: [{name: main, image: example}]
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(renderers: Path, tmp_path: Path) -> Run:
    """Return a function that runs a command with the renderers and this command line on PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("kustomize", "helm3", "helm4"):
        (programs / name).symlink_to(renderers / name)
    ours = programs / "kubeflow-openshift"
    ours.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m webhook "$@"\n')
    ours.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        **{f"HELM_{what}_HOME": str(tmp_path / what) for what in ("CACHE", "CONFIG", "DATA")},
    }

    def ran(*command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            input=given,
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return ran


def objects(ended: subprocess.CompletedProcess[str]) -> list[Any]:
    """Return the objects that a command printed, in an order that does not depend on the renderer."""
    assert ended.returncode == 0, ended.stderr
    found = [document.value for document in reader.documents(ended.stdout, "-") if document.value]
    return sorted(found, key=lambda obj: str([obj["kind"], obj["metadata"]]))


def documented(*words: str) -> list[str]:
    """Return the one command of the page with these words."""
    (line,) = [line for line in PAGE.splitlines() if all(word in line for word in words)]
    return shlex.split(line)


def kustomization(folder: Path, resource: str, *, function: bool) -> Path:
    """Write a kustomization, with the page's function if it is wanted."""
    folder.mkdir()
    (folder / "all.yaml").write_text(resource)
    (text,) = re.findall(r"```yaml\n(# kubeflow-openshift.yaml.*?)```", PAGE, re.DOTALL)
    (folder / "kubeflow-openshift.yaml").write_text(text)
    transformers = "transformers: [kubeflow-openshift.yaml]" if function else ""
    (folder / "kustomization.yaml").write_text(f"resources: [all.yaml]\n{transformers}\n")
    return folder


def chart(folder: Path, template: str) -> Path:
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: example, version: 0.1.0}")
    (folder / "templates/all.yaml").write_text(template)
    return folder


def fixed(obj: Object) -> bool:
    context = obj["spec"]["template"]["spec"]["securityContext"]
    return bool(context == {"runAsNonRoot": True})


@pytest.mark.parametrize("source", ["one", "upstream"])
def test_kustomize_runs_fix_as_a_function(run: Run, tmp_path: Path, source: str) -> None:
    text = DEPLOYMENT if source == "one" else (upstream.FOLDER / "kubeflow-26.03/pipeline__overlays.yaml").read_text()
    command = documented("kustomize build --enable-exec")
    plain = run("kustomize", "build", str(kustomization(tmp_path / "plain", text, function=False)))
    done = run(*command[:-1], str(kustomization(tmp_path / "with", text, function=True)))
    expected = run("kubeflow-openshift", "fix", "-", given=plain.stdout)
    assert objects(done) == objects(expected) != objects(plain)
    assert done.stderr == expected.stderr  # the warnings
    if source == "one":
        assert fixed(objects(done)[0])


def test_helm_3_runs_fix_as_a_post_renderer(run: Run, tmp_path: Path) -> None:
    folder = str(chart(tmp_path / "chart", DEPLOYMENT))
    options = documented("helm install", "--post-renderer-args")[4:]
    plain, done = run("helm3", "template", "it", folder), run("helm3", "template", "it", folder, *options)
    assert done.stdout == run("kubeflow-openshift", "fix", "-", given=plain.stdout).stdout
    assert fixed(objects(done)[0])
    assert not fixed(objects(plain)[0])


def test_helm_4_runs_fix_by_the_plugin(run: Run, tmp_path: Path) -> None:
    folder = str(chart(tmp_path / "chart", DEPLOYMENT))
    _, *install, plugin = documented("helm plugin install")
    assert run("helm4", *install, str(ROOT / plugin)).returncode == 0
    options = documented("helm install", "# Helm 4")[4:6]
    plain, done = run("helm4", "template", "it", folder), run("helm4", "template", "it", folder, *options)
    assert fixed(objects(done)[0])
    assert not fixed(objects(plain)[0])


@pytest.mark.parametrize(
    ("helm", "arguments", "said"),
    [
        ("helm3", ["fix", "--config", "none.yaml", "-"], "none.yaml: No such file"),
        ("helm4", ["--config", "none.yaml"], 'post-renderer plugin "kubeflow-openshift"'),  # it hides what fix says
    ],
)
def test_helm_stops_where_fix_does(run: Run, tmp_path: Path, helm: str, arguments: list[str], said: str) -> None:
    folder = str(chart(tmp_path / "chart", DEPLOYMENT))
    if helm == "helm4":
        assert run(helm, "plugin", "install", str(ROOT / "deploy/helm-plugin")).returncode == 0
    options = [f"--post-renderer-args={word}" for word in arguments]
    refused = run(helm, "template", "it", folder, "--post-renderer", "kubeflow-openshift", *options)
    assert refused.returncode != 0
    assert said in refused.stderr
    (tmp_path / "none.yaml").write_text("{}")
    assert fixed(objects(run(helm, "template", "it", folder, "--post-renderer", "kubeflow-openshift", *options))[0])
