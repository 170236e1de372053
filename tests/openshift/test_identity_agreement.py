"""OpenShift's own code admits every pod that lost an ID, and no pod that was left would be admitted without its IDs.

`make agreement PODS=50000` compares 10,000 pods before and after, for each setting `everyone`. The namespace's range is
what the settings call allocated, since nothing else tells the webhook a namespace's range.
"""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.properties.random_objects import FIRST, LEVEL, fresh, furnish
from tests.properties.random_pods import pod as random_pod
from tests.rig.oracle import ask
from webhook.admission import engine
from webhook.objects.model import Object, Request, lookup
from webhook.scc import ranges
from webhook.scc.defaults import SCCS
from webhook.settings.model import Settings
from webhook.workloads.user_namespace import IDS_OF_V3

pytestmark = pytest.mark.timeout(3000)

ALLOCATED = range(FIRST, FIRST + 10_000)
BLOCK = f"{FIRST}/10000"
NAMESPACE = {"name": "demo", "annotations": {ranges.UID_RANGE: BLOCK, ranges.GROUPS: BLOCK, ranges.LEVEL: LEVEL}}
DROPS_IDS = {"fs-group", "run-as-user", "run-as-group"}
EVERYONE = [("restricted-v2",), ("restricted",), ("restricted-v2", "restricted")]


def templates(dice: random.Random) -> Iterator[Object]:
    """Yield pod templates whose fsGroup, where it is allocated, is the one that SCC admits: the range's first."""
    while True:
        pod = fresh(random_pod(dice, FIRST, LEVEL))
        pod["spec"].pop("ephemeralContainers", None)
        for container in containers(pod):
            furnish(dice, container)
        if lookup(pod, ("spec", "securityContext", "fsGroup")) not in ALLOCATED[1:]:
            yield pod


def containers(pod: Object) -> list[Object]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def without_foreign_ids(pod: Object) -> Object:
    pod = fresh(pod)
    for holder in (pod["spec"], *containers(pod)):
        context = holder.get("securityContext") or {}
        for key in ("runAsUser", "runAsGroup", "fsGroup"):
            if context.get(key) is not None and context[key] not in ALLOCATED:
                del context[key]
    return pod


def told_by_nobody(pod: Object) -> bool:
    """Check whether a pod stays because its namespace's level is unknown, or no node maps its IDs."""
    labels = [lookup(holder, ("securityContext", "seLinuxOptions")) for holder in (pod["spec"], *containers(pod))]
    return pod["spec"].get("hostUsers") is False or any((label or {}).get("level") for label in labels)


def admitted(pods: list[Object], everyone: tuple[str, ...]) -> list[Any]:
    """Return the SCC that admits each pod, by OpenShift's own code."""
    question = {"namespace": NAMESPACE, "sccs": [SCCS[name] for name in everyone], "pods": pods}
    return [answer["admittedBy"] for answer in ask([question])]


@pytest.mark.parametrize("everyone", EVERYONE, ids=" and ".join)
def test_ids_go_where_that_helps_and_only_there(everyone: tuple[str, ...], seed: int, pods: int, rig: None) -> None:
    settings, changed, left = Settings(ALLOCATED, everyone), [], []
    for pod in templates(random.Random(seed)):
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": pod}}
        outcome = engine.evaluate(Request("Deployment.apps", "CREATE", deployment, namespace="team"), settings)
        if DROPS_IDS & {*outcome.rules()}:
            changed.append((outcome.object or {})["spec"]["template"])
        elif without_foreign_ids(pod) != pod and not told_by_nobody(pod):
            left.append(pod)
        if len(changed) == pods // 5:
            break

    after = Counter(admitted(changed, everyone))
    print(f"{' and '.join(everyone)}: {len(changed)} pods lost IDs, admitted by {dict(after)}; {len(left)} were left")
    assert set(after) == {*everyone}

    assert len(left) > len(changed) // 10
    without = admitted([without_foreign_ids(pod) for pod in left], everyone)
    verdicts = zip(left, admitted(left, everyone), without, strict=True)
    assert [pod for pod, as_it_is, without_ids in verdicts if without_ids and not as_it_is] == []


def test_only_restricted_v3_admits_what_gets_a_user_namespace(seed: int, pods: int, rig: None) -> None:
    """And each container has a user that the namespace maps: restricted-v2 would assign another."""
    everyone = ("restricted-v2", "restricted-v3")
    settings, changed, left = Settings(ALLOCATED, everyone, {"user-namespace": True}), [], 0
    for pod in templates(random.Random(seed)):
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": pod}}
        outcome = engine.evaluate(Request("Deployment.apps", "CREATE", deployment, namespace="team"), settings)
        if "user-namespace" in outcome.rules():
            changed.append((outcome.object or {})["spec"]["template"])
        else:
            left += 1
        if len(changed) == pods // 50:
            break

    after = Counter(admitted(changed, everyone))
    print(f"rule user-namespace: {len(changed)} pods changed, admitted by {dict(after)}; {left} were left")
    assert set(after) == {"restricted-v3"}
    for pod in changed:
        own = [lookup(container, ("securityContext", "runAsUser")) for container in containers(pod)]
        of_pod = lookup(pod, ("spec", "securityContext", "runAsUser"))
        assert all((of_pod if user is None else user) in IDS_OF_V3 for user in own), pod
