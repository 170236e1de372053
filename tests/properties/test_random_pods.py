"""A pod whose foreign IDs go is admitted by what everyone may use."""

import json
import random
from collections.abc import Iterator
from itertools import islice

import pytest

from tests.properties import random_objects, random_pods
from webhook.admission.engine import evaluate
from webhook.admission.review import request_for_manifest
from webhook.objects.model import Object, lookup
from webhook.scc.admission import judge
from webhook.scc.defaults import SCCS
from webhook.scc.ranges import EXAMPLE
from webhook.settings.model import Settings
from webhook.workloads.pod import LISTS

BLOCK = range(random_objects.FIRST, random_objects.FIRST + 10_000)
"""The IDs of the namespace that random pods are for."""
HOST = ("volumes", "hostNetwork", "hostPID", "hostIPC")


def pairs(dice: random.Random, everyone: tuple[str, ...]) -> Iterator[tuple[Object, Object]]:
    """Yield pods before and after, without end, that the engine changed and whose IDs belong to no other namespace."""
    settings = Settings(everyone=everyone)
    while True:
        pod = random_objects.fresh(random_pods.pod(dice, random_objects.FIRST, random_objects.LEVEL))
        for key in () if dice.random() < 0.3 else HOST:
            pod["spec"].pop(key, None)
        obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": pod}}
        outcome = evaluate(request_for_manifest(obj), settings)
        after = lookup(outcome.object, ("spec", "template"))
        if outcome.operations and not _of_another_namespace(after):
            yield pod, after


def _of_another_namespace(pod: Object) -> bool:
    """Check whether a pod has an allocated ID of another namespace; a template does not show of which."""
    context = pod["spec"].get("securityContext") or {}
    owns = [each.get("securityContext") or {} for group in LISTS for each in pod["spec"].get(group) or ()]
    users = [each["runAsUser"] for each in (context, *owns) if each.get("runAsUser") is not None]
    return context.get("fsGroup") not in (None, BLOCK[0]) or any(user not in BLOCK for user in users)


@pytest.mark.parametrize("everyone", [("restricted-v2",), ("restricted",), ("restricted-v2", "restricted")], ids=str)
def test_a_pod_whose_ids_go_is_admitted_by_what_everyone_may_use(everyone: tuple[str, ...]) -> None:
    sccs = [SCCS[name] for name in everyone]
    for before, after in islice(pairs(random.Random(14), everyone), 300):
        verdict = judge(after, sccs, EXAMPLE)
        assert verdict.admitted_by, (json.dumps(before), verdict.refusals)
