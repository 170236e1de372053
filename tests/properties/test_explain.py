"""What `explain` says of SCC's reasons for random pods."""

import random

from tests.properties import random_objects, random_pods
from webhook.admission.engine import evaluate
from webhook.admission.review import request_for_manifest
from webhook.objects.model import lookup
from webhook.offline import explain
from webhook.offline.errors import REASONS, find
from webhook.scc.admission import DEFAULTS, against, judge
from webhook.scc.defaults import SCCS
from webhook.scc.ranges import EXAMPLE
from webhook.settings.model import Settings

PODS = 300


def test_every_reason_of_every_default_scc_is_in_the_table(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(PODS):
        pod = random_objects.fresh(random_pods.pod(dice, random_objects.FIRST, random_objects.LEVEL))
        for scc in DEFAULTS:
            assert [reason for reason in against(pod, scc, EXAMPLE) if not find(reason, REASONS)] == []


def test_no_rule_is_said_to_help_only_where_none_does(seed: int) -> None:
    dice = random.Random(seed)
    rejected = 0
    for _ in range(PODS):
        pod = random_objects.fresh(random_pods.pod(dice, random_objects.FIRST, random_objects.LEVEL))
        if not (said := list(against(pod, "restricted-v2", EXAMPLE))):
            continue
        *_, last = explain.error(f"{explain.SCC_ERROR}{', '.join(said)}]", Settings())
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": pod}}
        after = lookup(evaluate(request_for_manifest(owner), Settings()).object, ("spec", "template"))
        if last.startswith("No rule fixes this"):
            rejected += 1
            assert not judge(after, [SCCS["restricted-v2"]], EXAMPLE).admitted_by, (pod, last)
    assert rejected > PODS / 10
