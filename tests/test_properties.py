"""The engine keeps its properties, and the lattice among them, whatever comes: tests/properties.py says which."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from bench import properties
from tests.properties import problem
from tests.random_objects import settings as random_settings
from tests.test_hostile_objects import hostile_requests
from webhook.model import Request
from webhook.rules import RULES

CASES = 20_000


@settings(max_examples=300, deadline=None, derandomize=True)
@given(hostile_requests(), st.integers(0, 2**32))
def test_hostile_shapes_keep_every_property(request: Request, seed: int) -> None:
    dice = random.Random(seed)
    assert problem(request, random_settings(dice), dice)[1] == ""


def test_random_requests_keep_every_property(seed: int) -> None:
    """The bulk comes from a seeded generator: hypothesis makes 30 such cases a second, this 500."""
    seen = properties.run(seed, CASES, 2, quiet=True)
    assert seen.failed == []
    assert seen.patched > CASES / 6  # of updates most stay as they are
    assert len(seen.rules) == len(RULES)
