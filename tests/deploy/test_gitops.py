"""What deploy/gitops has Argo CD ignore is what the rules change, and its Applications compare on the server."""

from functools import cache
from typing import Any

import jq  # type: ignore[import-not-found]  # an extension in C without types
import pytest

from tests.support.cases import Case, all_cases
from tests.support.overlays import DEPLOY
from webhook.manifests import reader

ARGO_CD = DEPLOY / "gitops/argocd"
Entry = dict[str, Any]
ENTRIES: list[Entry] = reader.one_document(ARGO_CD / "ignore-differences.yaml").value["ignoreDifferences"]
IN_GIT = [case for case in all_cases() if case.changes and not case.settings_file and case.request().kind != "Pod"]
"""Cases with the default settings. Pods are made by controllers."""


@cache
def deletion(expression: str) -> Any:
    return jq.compile(f"del({expression})")


def without_ignored(obj: Entry) -> Entry:
    """Return an object without what the entries ignore, each expression deleted as Argo CD does it."""
    for entry in ENTRIES:
        group = obj["apiVersion"].rpartition("/")[0]
        named = entry.get("name") in (None, obj["metadata"].get("name"))
        if entry["group"] in ("*", group) and entry["kind"] in ("*", obj["kind"]) and named:
            for expression in entry["jqPathExpressions"]:
                obj = deletion(expression).input_value(obj).first()
    return obj


def lacks(sent: object, stored: object) -> bool:
    """Check whether something that was sent is not stored. Argo CD ignores a field that git does not have."""
    if isinstance(sent, dict) and isinstance(stored, dict):
        return any(lacks(value, stored.get(key)) for key, value in sent.items())
    if isinstance(sent, list) and isinstance(stored, list):
        merged = all(
            isinstance(item, dict) and "name" in item for item in stored
        )  # other lists are replaced as a whole
        return len(sent) > len(stored) or not (merged or len(sent) == len(stored)) or any(map(lacks, sent, stored))
    return bool(sent) and sent != stored  # the API server stores nothing where it is null or empty


def differs(case: Case) -> bool:
    sent, stored = case.request().object, case.outcome().object
    assert sent
    assert stored
    return lacks(without_ignored(sent), without_ignored(stored))


@pytest.mark.parametrize("case", IN_GIT, ids=[case.id for case in IN_GIT])
def test_what_a_rule_changes_is_ignored(case: Case) -> None:
    assert not differs(case)


def test_every_entry_is_needed() -> None:
    for index, entry in enumerate(ENTRIES):
        del ENTRIES[index]
        try:
            assert any(map(differs, IN_GIT)), entry
        finally:
            ENTRIES.insert(index, entry)


@pytest.mark.parametrize("name", ["kubeflow-openshift", "kubeflow"])
def test_both_applications_compare_and_apply_on_the_server(name: str) -> None:
    application = reader.one_document(ARGO_CD / f"{name}.yaml").value
    annotations = application["metadata"]["annotations"]
    assert annotations["argocd.argoproj.io/compare-options"] == "ServerSideDiff=true"
    assert application["spec"]["syncPolicy"]["syncOptions"] == ["ServerSideApply=true"]


def test_the_webhook_comes_first() -> None:
    waves = [
        int(
            reader.one_document(ARGO_CD / f"{name}.yaml").value["metadata"]["annotations"][
                "argocd.argoproj.io/sync-wave"
            ]
        )
        for name in ("kubeflow-openshift", "kubeflow")
    ]
    assert waves == sorted(waves)
    webhook, kubeflow = (document.value for document in reader.read([str(DEPLOY / "gitops/flux")]))
    assert webhook["spec"]["wait"]
    assert kubeflow["spec"]["dependsOn"] == [{"name": webhook["metadata"]["name"]}]
