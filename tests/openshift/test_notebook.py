"""The notebook controller restores its own template on every reconcile; the webhook makes that a no-op."""

import copy
from typing import Any

import pytest

from tests.rig.cluster import Cluster, wait
from tests.support.installed import (
    CONFIGURATIONS,
    OPTED_IN,
    crd,
    deployed,
    mark_ready,
    namespace,
    refusals,
    register,
    serve,
)
from tests.support.notebooks import desired, notebook, reconcile, settled
from tests.support.server import Server

RECONCILES = 20


def test_twenty_reconciles_move_nothing(cluster: Cluster) -> None:
    where = namespace(cluster, "notebook", **OPTED_IN)
    sets = f"/apis/apps/v1/namespaces/{where}/statefulsets"
    cluster.make(sets, desired())
    wait(lambda: cluster.request("GET", f"/api/v1/namespaces/{where}/pods/nb-0").status == 200, "notebook's pod")
    before = settled(cluster, f"{sets}/nb")

    answers = [reconcile(cluster, f"{sets}/nb") for _ in range(RECONCILES)]

    assert {answer["metadata"]["resourceVersion"] for answer in answers} == {before["metadata"]["resourceVersion"]}
    assert {answer["metadata"]["generation"] for answer in answers} == {before["metadata"]["generation"]} == {1}
    assert refusals(cluster, where) == []


def test_on_create_only_it_is_a_fight(cluster: Cluster, webhook: Server) -> None:
    label = {"create-only": "enabled"}
    configuration = create_only(deployed(), label)
    register(cluster, webhook, configuration)
    where = namespace(cluster, "notebook-create-only", **label)
    sets = f"/apis/apps/v1/namespaces/{where}/statefulsets"
    try:
        made = wait_until_reviewed(cluster, sets)
        assert "fsGroup" not in made["spec"]["template"]["spec"]["securityContext"]
        pods = f"/api/v1/namespaces/{where}/pods"
        wait(lambda: cluster.request("GET", f"{pods}/nb-0").status == 200, "notebook's pod")
        mark_ready(cluster, pods)  # a StatefulSet's rollout waits for pods that are not
        settled(cluster, f"{sets}/nb")

        reconciled = reconcile(cluster, f"{sets}/nb")

        assert reconciled["spec"]["template"]["spec"]["securityContext"] == {"fsGroup": 100}
        assert reconciled["metadata"]["generation"] > made["metadata"]["generation"]
        why = wait(lambda: refusals(cluster, where), "refusal of the pod's successor")
        assert "100 is not an allowed group" in why[0]
    finally:
        cluster.request("DELETE", f"{CONFIGURATIONS}/{configuration['metadata']['name']}")


def create_only(configuration: dict[str, Any], label: dict[str, str]) -> dict[str, Any]:
    """Return the naive way: the first entry of the configuration, on CREATE alone, for namespaces with a label."""
    entry = copy.deepcopy(configuration["webhooks"][0])
    for rule in entry["rules"]:
        rule["operations"] = ["CREATE"]
    entry["namespaceSelector"] = {"matchLabels": label}
    return {**configuration, "metadata": {"name": "zz-create-only"}, "webhooks": [entry]}


def wait_until_reviewed(cluster: Cluster, sets: str) -> dict[str, Any]:
    """Create the StatefulSet once the API server knows the new configuration."""

    def reviewed() -> bool:
        dry = cluster.request("POST", f"{sets}?dryRun=All", desired()).body
        return "fsGroup" not in dry["spec"]["template"]["spec"]["securityContext"]

    wait(reviewed, "review of a dry run")
    return cluster.make(sets, desired())


@pytest.fixture(scope="module")
def notebooks(cluster: Cluster) -> str:
    """Serve Notebooks with an open schema; return the path of a namespace's."""
    return serve(cluster, crd("Notebook", "notebooks"), namespace(cluster, "notebooks", **OPTED_IN))


@pytest.mark.parametrize(
    ("name", "given", "stored"),
    [
        ("absent", {}, {}),
        ("null", {"securityContext": None}, {}),
        ("given", {"securityContext": {"fsGroup": 100, "supplementalGroups": [5]}}, {"supplementalGroups": [5]}),
    ],
)
def test_a_notebook_is_stored_so_that_its_controller_adds_nothing(
    cluster: Cluster, notebooks: str, name: str, given: dict[str, Any], stored: dict[str, Any]
) -> None:
    made = cluster.make(notebooks, notebook(name, **given))
    assert made["spec"]["template"]["spec"]["securityContext"] == stored
    again = cluster.request("PUT", f"{notebooks}/{name}", {**notebook(name, **given), "metadata": made["metadata"]})
    assert again.body["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
