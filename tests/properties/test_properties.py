"""The engine keeps its properties, and the lattice among them, whatever comes: engine.py says which."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties import engine
from tests.properties.engine import problem
from tests.properties.hostile import hostile_requests
from tests.properties.random_objects import random_object
from tests.properties.random_objects import settings as random_settings
from webhook.admission.engine import evaluate
from webhook.objects.model import Request
from webhook.rules import RULES
from webhook.workloads.kinds import KINDS, group_of

CASES = 20_000
BUILT_IN = ("", "apps", "apps.openshift.io", "batch", "rbac.authorization.k8s.io")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(hostile_requests(), st.integers(0, 2**32))
def test_hostile_shapes_keep_every_property(request: Request, seed: int) -> None:
    dice = random.Random(seed)
    assert problem(request, random_settings(dice), dice)[1] == ""


def test_an_update_that_leaves_the_spec_of_a_custom_resource_changes_nothing(seed: int) -> None:
    """The API server does not send it (webhook/registration/conditions.py)."""
    dice = random.Random(seed)
    kinds = [kind for kind in KINDS if group_of(kind) not in BUILT_IN]
    for _ in range(CASES // 10):
        kind = dice.choice(kinds)
        obj = random_object(dice, kind)
        old = {**obj, "metadata": {"name": "x"}, "status": {}}
        assert evaluate(Request(kind, "UPDATE", obj, old, "team", "x"), random_settings(dice)).operations == []


def test_random_requests_keep_every_property(seed: int) -> None:
    """The bulk comes from a seeded generator: hypothesis makes 30 such cases a second, this 500."""
    seen = engine.run(seed, CASES, 2, quiet=True)
    assert seen.failed == []
    assert seen.patched > CASES / 6  # of updates most stay as they are
    assert len(seen.rules) == len(RULES)
