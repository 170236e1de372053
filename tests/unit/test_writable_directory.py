"""An empty volume hides what an image has in its directory: whose image it may be decides on the warning."""

import pytest

from webhook.admission.engine import evaluate
from webhook.admission.review import request_for_manifest
from webhook.objects.model import Object
from webhook.rules.pod.writable_directory import HIDDEN
from webhook.settings.model import Settings

OWN = {
    "registry.example.com/jupyter/team-notebook:1": "/home/jovyan",
    "registry.example.com/team-a/pytorch_dist_mnist:1": "/data",
    "mirror.example.com/kubeflow/kubeflow/notebook-servers/jupyter-scipy:v1.10.0": "/home/jovyan",
    "registry.example.com/pytorch/pytorch:2.7.1": "/workspace",
}
UPSTREAM = (
    "jupyter/scipy-notebook:7a0c7325e470",
    "quay.io/jupyter/scipy-notebook:2024-05-27",
    "gcr.io/kubeflow-images-public/tensorflow-1.14.0-notebook-cpu:v0.7.0",
    "gcr.io/kubeflow-ci/pytorch-dist-mnist_test:1.0",
    "docker.io/kubeflownotebookswg/rstudio-tidyverse:v1.8.0",
    "ghcr.io/kubeflow/kubeflow/notebook-servers/codeserver-python:v1.10.0",
    "pytorch/pytorch",
    "docker.io/pytorch/pytorch:2.7.1-cuda12.8-cudnn9-runtime",
)
CHOSEN = Settings(rules={"writable-directory": {"images": {"^registry.example.com/team-b/": "/work"}}})


def deployment(image: str) -> Object:
    spec = {"containers": [{"name": "main", "image": image}]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": {"spec": spec}}}


@pytest.mark.parametrize("image", OWN)
def test_an_image_that_may_be_somebodys_own_is_warned_of(image: str) -> None:
    outcome = evaluate(request_for_manifest(deployment(image)), Settings())
    assert outcome.rules() == ["writable-directory"]
    assert outcome.warnings == [f"writable-directory: {HIDDEN.format(OWN[image])}"]


@pytest.mark.parametrize("image", [*UPSTREAM, "registry.example.com/team-b/lab:1"])
def test_an_image_of_upstream_or_of_the_configuration_is_not(image: str) -> None:
    outcome = evaluate(request_for_manifest(deployment(image)), CHOSEN)
    assert (outcome.rules(), outcome.warnings) == (["writable-directory"], [])
