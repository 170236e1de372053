"""The configuration of each overlay, as the webhook reads it."""

from pathlib import Path

import pytest

from tests.support.installed import deployment
from tests.support.overlays import GRANTS, OVERLAYS
from webhook.admission.engine import evaluate
from webhook.admission.review import request_for_manifest
from webhook.manifests import reader
from webhook.objects.model import lookup
from webhook.rules import OPTIONS
from webhook.settings import configuration


@pytest.mark.parametrize("path", sorted(OVERLAYS.glob("*/config.yaml")), ids=lambda path: path.parent.name)
def test_the_webhook_understands_the_configuration_of_an_overlay(path: Path) -> None:
    configuration.load(path, OPTIONS)


def test_the_accounts_that_the_rule_names_are_those_that_the_overlay_makes() -> None:
    settings = configuration.load(OVERLAYS / "kubeflow-0.7/config.yaml", OPTIONS)
    named = set()
    for name in ("minio", "metadata-db", "another"):
        metadata = {"name": name, "namespace": "kubeflow"}
        outcome = evaluate(request_for_manifest({**deployment(name), "metadata": metadata}), settings)
        named.add(lookup(outcome.object, ("spec", "template", "spec", "serviceAccountName")))
    made = {document.value["metadata"]["name"] for document in reader.read([str(GRANTS / "service-accounts.yaml")])}
    assert named == {*made, None}
