"""Seldon's operator compares what it reads with what it wants: why its own variable must go, and what its writes do."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.rig.cluster import Cluster, wait
from tests.support.installed import OPTED_IN, namespace
from tests.support.notebooks import settled
from tests.support.rows import verdict, workload

WRITES = 10
ENGINE = {"name": "seldon-container-engine", "securityContext": {"runAsUser": 8888}}


def desired(user: int | None) -> dict[str, Any]:
    """Return the Deployment that the operator makes of a SeldonDeployment, with or without the variable's user."""
    engine = copy.deepcopy(ENGINE)
    if user is None:
        del engine["securityContext"]
    return workload("modelfull", engine)


def written(cluster: Cluster, path: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Do as the operator: read, put the wanted spec in its place, update."""
    live = cluster.request("GET", path).body
    live["spec"] = {**live["spec"], "template": wanted["spec"]["template"]}
    answer = cluster.request("PUT", path, live)
    assert answer.status == 200, answer.body
    return answer.body


@pytest.mark.parametrize("user", [8888, None], ids=["with the variable", "without it"])
def test_the_operators_writes_move_nothing(cluster: Cluster, show: Callable[..., None], user: int | None) -> None:
    where = namespace(cluster, f"seldon-{user or 'plain'}", **OPTED_IN)
    assert verdict(cluster, where, desired(user)) == "admitted by restricted-v2"
    path = f"/apis/apps/v1/namespaces/{where}/deployments/modelfull"
    before = settled(cluster, path)
    answers = [written(cluster, path, desired(user)) for _ in range(WRITES)]
    assert {answer["metadata"]["generation"] for answer in answers} == {before["metadata"]["generation"]}
    # The first write only makes the writer a manager of fields in metadata.managedFields.
    assert len({answer["metadata"]["resourceVersion"] for answer in answers}) == 1

    context = before["spec"]["template"]["spec"]["containers"][0].get("securityContext")
    wanted = desired(user)["spec"]["template"]["spec"]["containers"][0].get("securityContext")
    # Operator 0.4.1 is ready only where the two are equal: with its variable it never is, without it is.
    assert (context == wanted) == (user is None)
    if user is None:
        what = "operator 0.4.1 with the variable gone: its Deployment is what it wants"
        show(
            "S8",
            what,
            "10 PUTs of the operator",
            "8888 wanted, refused",
            "admitted by restricted-v2; no write moves it",
        )


def test_a_pod_of_it_comes_back_after_deletion(cluster: Cluster) -> None:
    where = namespace(cluster, "seldon-again", **OPTED_IN)
    verdict(cluster, where, desired(8888))
    pods = f"/api/v1/namespaces/{where}/pods"
    first = cluster.request("GET", pods).body["items"][0]["metadata"]["name"]
    cluster.request("DELETE", f"{pods}/{first}")
    wait(lambda: [p for p in cluster.request("GET", pods).body["items"] if p["metadata"]["name"] != first], "a new pod")
