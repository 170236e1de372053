"""The Helm chart renders to what the overlays do, for every choice, and says what is wrong with others."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.overlays import DEPLOY, OVERLAYS, Object
from webhook import VERSION
from webhook.manifests import reader

IMAGE = f"image=kubeflow-openshift@sha256:{'0' * 64}"
CHOICES = {
    "openshift": (),
    "cert-manager": ("certificates=cert-manager",),
    "self-managed": ("certificates=keeper",),
    "observability": ("observability=true",),
    "all-ignore": ("failurePolicy=Ignore",),
    "without-match-conditions": ("matchConditions=false",),
}
HELM = pytest.mark.parametrize("helm", ["helm3", "helm4"])


def helm_template(
    program: Path, *values: str, namespace: str = "kubeflow-openshift"
) -> subprocess.CompletedProcess[str]:
    given = [word for value in values for word in ("--set", value)]
    where = ("--namespace", namespace, "--kube-version", "1.34.0")
    command: list[str | Path] = [program, "template", "kubeflow-openshift", DEPLOY / "chart", *where, *given]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def objects(text: str) -> dict[tuple[str, str], Object]:
    """Return the objects of a rendered text, but for the Namespace, which Helm makes."""
    found = (document.value for document in reader.documents(text, "rendered") if document.value)
    return {(obj["kind"], obj["metadata"]["name"]): obj for obj in found if obj["kind"] != "Namespace"}


def kustomized(renderers: Path, folder: Path) -> dict[tuple[str, str], Object]:
    built = subprocess.run([renderers / "kustomize", "build", folder], capture_output=True, text=True, check=True)
    return objects(built.stdout)


@HELM
@pytest.mark.parametrize("overlay", CHOICES)
def test_each_choice_renders_to_its_overlay(renderers: Path, helm: str, overlay: str) -> None:
    rendered = helm_template(renderers / helm, IMAGE, *CHOICES[overlay])
    assert rendered.returncode == 0, rendered.stderr
    assert objects(rendered.stdout) == kustomized(renderers, OVERLAYS / overlay)


def test_choices_combine_as_components_do(renderers: Path, tmp_path: Path) -> None:
    there = os.path.relpath(DEPLOY, tmp_path)
    components = [f"{there}/components/{name}" for name in ("observability", "all-ignore", "without-match-conditions")]
    combined = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{there}/overlays/self-managed"],
        "components": components,
    }
    tmp_path.joinpath("kustomization.yaml").write_text(reader.dump(combined))
    chosen = ("certificates=keeper", "observability=true", "failurePolicy=Ignore", "matchConditions=false")
    rendered = helm_template(renderers / "helm4", IMAGE, *chosen)
    assert objects(rendered.stdout) == kustomized(renderers, tmp_path)


def test_replicas_and_configuration_are_values(renderers: Path) -> None:
    rendered = objects(helm_template(renderers / "helm4", IMAGE, "replicas.minimum=3", "config=everyone: []").stdout)
    assert rendered["HorizontalPodAutoscaler", "kubeflow-openshift"]["spec"]["minReplicas"] == 3
    assert rendered["ConfigMap", "kubeflow-openshift"]["data"]["config.yaml"].strip() == "everyone: []"


@HELM
@pytest.mark.parametrize(
    ("values", "namespace", "said"),
    [
        ((), "kubeflow-openshift", "image: name the image by digest"),
        ((IMAGE,), "default", "install the chart in the namespace kubeflow-openshift"),
        ((IMAGE, "certificates=keepr"), "kubeflow-openshift", "keeper"),
        ((IMAGE, "failurePolicy=fail"), "kubeflow-openshift", "Ignore"),
        ((IMAGE, "replica=3"), "kubeflow-openshift", "replica"),
    ],
)
def test_what_is_wrong_is_said(renderers: Path, helm: str, values: tuple[str, ...], namespace: str, said: str) -> None:
    rendered = helm_template(renderers / helm, *values, namespace=namespace)
    assert rendered.returncode == 1
    assert said in rendered.stderr
    assert rendered.stdout == ""


def test_the_chart_has_the_version_of_the_package() -> None:
    chart = reader.one_document(DEPLOY / "chart/Chart.yaml").value
    assert chart["version"] == chart["appVersion"] == VERSION


@HELM
def test_lint_finds_nothing(renderers: Path, helm: str) -> None:
    command: list[str | Path] = [
        renderers / helm,
        "lint",
        "--strict",
        DEPLOY / "chart",
        "--set",
        IMAGE,
        "-n",
        "kubeflow-openshift",
    ]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr
