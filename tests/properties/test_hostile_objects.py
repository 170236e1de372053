"""Objects that no API server would send: every field of another type, and random trees in random places.

Mutating webhooks see custom resources before their schema is checked, so any of this may come from a tenant.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings

from tests.properties.hostile import hostile_requests, pointers, requests, with_value
from tests.support.samples import SAMPLES
from tests.support.server import review
from webhook.admission import engine
from webhook.admission.engine import ALL_RULES
from webhook.admission.review import BadReview, decode, respond
from webhook.objects import patch
from webhook.objects.model import Object, Request, Result, pointer
from webhook.settings.model import Settings
from webhook.workloads.kinds import KINDS

VALUES: tuple[Any, ...] = (None, True, 0, -1, 1.5, "x", [], {}, [1], {"a": 1})
DEFAULTS = Settings(rules={"access-mode": True}, exempt_service_accounts=frozenset({"team/trusted"}))
THOROUGHLY = ("Pod", "Job.batch", "Notebook.kubeflow.org")
"""Kinds of which everything is confused; what is the same in all is not in the others, but random trees reach it."""
SAME_IN_ALL = {"metadata", "status", "initContainers", "containers", "ephemeralContainers"}
SHAPES = {
    (kind.shape, kind.pods[0].count("."), kind.objects): name for name, kind in reversed(KINDS.items()) if kind.pods
}
each_kind = pytest.mark.parametrize(
    "kind", sorted({*SHAPES.values(), *THOROUGHLY, *(k for k in KINDS if not KINDS[k].pods)})
)


def confused(tree: Object, *, everything: bool = True) -> Iterator[tuple[str, Object]]:
    """Yield a tree with one field of another type, for every field and type; and how to read it in a failure."""
    for at in pointers(tree):
        if at and (everything or SAME_IN_ALL.isdisjoint(at[:-1])):
            yield from ((f"{pointer(at)} = {json.dumps(value)}", with_value(tree, at, value)) for value in VALUES)


def problem(request: Request) -> str:
    """Evaluate a request; say what is wrong with the outcome, or nothing."""
    try:
        outcome = engine.evaluate(request, DEFAULTS)
    except Exception as error:  # noqa: BLE001 - which one is what the test is about
        return f"raised {error!r}"
    if outcome.failures:
        return f"failures {outcome.failures}"
    if len(outcome.findings) != len(outcome.operations):
        return "not one finding for each operation"
    return "" if patch_gives_object(request, outcome) else "the patch does not give the outcome's object"


def patch_gives_object(request: Request, outcome: Result) -> bool:
    assert request.object is not None
    return patch.json_equal(patch.apply(request.object, outcome.operations), outcome.object)


def test_every_kind_has_a_sample_and_what_concerns_a_rule_is_changed() -> None:
    assert SAMPLES.keys() == KINDS.keys()
    for kind, obj in SAMPLES.items():
        create = next(requests(kind, obj))
        assert problem(create) == ""
        if any(kind in rule.kinds for rule in ALL_RULES):
            assert engine.evaluate(create, DEFAULTS).operations, kind


@each_kind
def test_a_field_of_another_type_is_no_defect_of_ours(kind: str) -> None:
    everything = kind in THOROUGHLY or not (KINDS[kind].pods or KINDS[kind].objects)
    problems = [
        f"{request.operation} {request.subresource} {what}: {wrong}"
        for what, obj in confused(SAMPLES[kind], everything=everything)
        for request in requests(kind, obj)
        if (wrong := problem(request))
    ]
    assert problems == []


@each_kind
def test_a_review_with_a_field_of_another_type_is_answered_or_refused(kind: str) -> None:
    whole = json.loads(review(Request(kind, "CREATE", SAMPLES[kind], uid="u")))
    envelope = {**whole, "request": {**whole["request"], "object": None}}
    objects = [obj for _, obj in confused(SAMPLES[kind], everything=False)][::5]
    bodies = [changed for _, changed in confused(envelope)]
    bodies += [{**whole, "request": {**whole["request"], "object": obj}} for obj in objects]
    answered = 0
    for body in bodies:
        try:
            request = decode(json.dumps(body).encode())
        except BadReview as refused:
            assert str(refused)  # noqa: PT017 - it is one of two proper answers
            continue
        response = json.loads(respond(request, engine.evaluate(request, DEFAULTS)))["response"]
        assert (response["uid"], response["allowed"]) == (request.uid, True)
        answered += 1
    assert answered >= len(objects)


MAIN_CONTEXT = ("spec", "template", "spec", "containers", 0, "securityContext")
GRANTED_IN_PART = Request(
    "StatefulSet.apps",
    "UPDATE",
    SAMPLES["StatefulSet.apps"],
    old=with_value(SAMPLES["StatefulSet.apps"], MAIN_CONTEXT, None),
    namespace="team",
)
"""A ready workload keeps the UID that it was granted, while a container comes with another of its own."""


@settings(max_examples=300, deadline=None, derandomize=True)
@example(GRANTED_IN_PART)
@given(hostile_requests())
def test_whatever_comes_the_engine_keeps_its_promises(request: Request) -> None:
    before = copy.deepcopy(request)
    outcome = engine.evaluate(request, DEFAULTS)
    assert outcome.failures == []
    assert patch_gives_object(request, outcome)
    assert patch.json_equal(request.object, before.object)
    assert patch.json_equal(request.old, before.old)
    assert engine.evaluate(before, DEFAULTS) == outcome, "the same request gives the same outcome"
    again = engine.evaluate(replace(request, object=outcome.object), DEFAULTS)
    assert again.operations == [], "evaluating twice changes nothing more"
    backwards = engine.evaluate(request, DEFAULTS, ALL_RULES[::-1])
    assert patch.json_equal(backwards.object, outcome.object), "the order of rules does not matter"
