"""Patches: what a change means for an object, what an operation does to it, and what is the same."""

import json
import random
from typing import Any

import pytest

from tests.properties.random_pods import pod as random_pod
from webhook.objects import patch
from webhook.objects.model import REMOVED, Change, Object, Pointer, lookup, pointer


def pod() -> Object:
    return {"metadata": {"name": "p", "labels": None}, "spec": {"containers": [{"name": "a"}], "1": {"x": 1}}}


def operations(at: Pointer, value: Any) -> list[Object]:
    return patch.operations(Change(at, value, ""), pod())


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ((), ""),
        (("spec", "containers", 0), "/spec/containers/0"),
        (("a~b",), "/a~0b"),
        (("x/y",), "/x~1y"),
        (("~/", "c"), "/~0~1/c"),
    ],
)
def test_a_pointer_is_written_as_rfc_6901_has_it(at: Pointer, text: str) -> None:
    assert pointer(at) == text


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("metadata", "annotations"), REMOVED),
        (("metadata", "labels", "app"), REMOVED),
        (("status", "phase"), REMOVED),
        (("metadata", "name"), "p"),
    ],
)
def test_what_is_so_already_is_no_operation(at: Pointer, value: Any) -> None:
    assert operations(at, value) == []


@pytest.mark.parametrize(
    ("at", "value", "problem"),
    [
        ((), {}, "the whole object"),
        (("metadata", "name", "x"), 1, "/metadata/name holds neither"),
        (("spec", "containers", 1, "name"), "b", "nothing is at /spec/containers/1$"),
        (("spec", "containers", 1), REMOVED, "nothing is at /spec/containers/1$"),
        (("spec", "containers", 2), {}, "nothing is at /spec/containers/2$"),
    ],
)
def test_what_fits_nowhere_does_not_apply(at: Pointer, value: Any, problem: str) -> None:
    with pytest.raises(patch.DoesNotApply, match=problem):
        operations(at, value)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("metadata", "labels", "app"), "x"),
        (("metadata", "name"), "q"),
        (("metadata", "name"), REMOVED),
        (("spec", "containers", 0, "image"), "i"),
        (("spec", "containers", 0), REMOVED),
        (("spec", "containers", 1), {"name": "b"}),
        (("spec", "1", "x"), 2),
    ],
)
def test_an_operation_is_applied_to_a_copy(at: Pointer, value: Any) -> None:
    obj = pod()
    (operation,) = patch.operations(Change(at, value, ""), obj)
    done = patch.apply(obj, [operation])
    assert obj == pod() != done
    assert patch.json_equal(patch.applied(obj, operation, {}), done)
    assert obj == pod()


def test_a_value_that_is_patched_later_leaves_the_operation_that_added_it_alone() -> None:
    own: dict[int, Any] = {}
    operation = {"op": "add", "path": "/metadata/labels", "value": {"app": "x"}}
    added = patch.applied(pod(), operation, own)
    assert patch.applied(added, {"op": "remove", "path": "/metadata/labels/app"}, own)["metadata"]["labels"] == {}
    assert operation["value"] == {"app": "x"}


def test_what_a_patch_leaves_alone_is_shared_and_what_it_copied_is_not_copied_again() -> None:
    obj, own, operation = pod(), dict[int, Any](), {"op": "replace", "path": "/metadata/name", "value": "q"}
    done = patch.applied(obj, operation, own)
    assert done["spec"] is patch.apply(obj, [operation])["spec"] is obj["spec"]
    assert patch.applied(done, {"op": "remove", "path": "/metadata/name"}, own) is done
    assert done["metadata"] == {"labels": None}
    assert obj == pod()


@pytest.mark.parametrize("seed", range(300))
def test_random_patches_are_applied_as_the_library_does(seed: int) -> None:
    dice, own = random.Random(seed), dict[int, Any]()
    obj = original = {"metadata": {"name": "p"}, **random_pod(dice, 1000, "s0")}
    kept = json.dumps(original)
    for _ in range(4):
        before = json.dumps(obj, sort_keys=True)
        at, value = random_change(dice, obj)
        found = lookup(obj, at)
        for operation in patch.operations(Change(at, value, ""), obj):
            done = json.dumps(patch.apply(obj, [operation]))
            obj = patch.applied(obj, operation, own)
            assert json.dumps(obj) == done, operation
            obj = patch.applied(obj, patch.inverse(operation, at, found), own)
            assert json.dumps(obj, sort_keys=True) == before, operation
            obj = patch.applied(obj, operation, own)
    assert json.dumps(original) == kept


def random_change(dice: random.Random, obj: Object) -> tuple[Pointer, Any]:
    """Return where an object may be changed, and what to."""
    holder: Any = obj
    way: list[Any] = []
    while holder and isinstance(holder, dict | list) and (len(way) < 2 or dice.random() < 0.7):
        way.append(dice.choice(list(holder if isinstance(holder, dict) else range(len(holder)))))
        holder = holder[way[-1]]
    if isinstance(way[-1], str):
        way[-1] += dice.choice(("", "", "~", "/", "~1"))
        way += dice.choice(((), (), ("new",))) if lookup(obj, tuple(way)) is None else ()
    return tuple(way), dice.choice((REMOVED, {"a~/": [1]}, "text"))


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/metadata/annotations/a"},
        {"op": "replace", "path": "/spec/containers/x/name", "value": 1},
        {"op": "add", "path": "/spec/containers/7", "value": 1},
        {"op": "add", "path": "/metadata/name/x", "value": 1},
        {"op": "add", "path": "no pointer", "value": 1},
    ],
)
def test_an_operation_that_fits_nowhere_does_not_apply(operation: Object) -> None:
    obj = pod()
    with pytest.raises(patch.DoesNotApply):
        patch.apply(obj, [operation])
    with pytest.raises(patch.DoesNotApply):
        patch.applied(obj, operation, {})
    assert obj == pod()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (1, 1.0),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": 1, "b": 1}),
        ([1], [1.0]),
        ([1, 2], [2, 1]),
        ([1], [1, 2]),
        ({}, []),
        (None, False),
    ],
)
def test_values_that_json_tells_apart_are_not_the_same(left: Any, right: Any) -> None:
    assert not patch.json_equal(left, right)
    assert not patch.json_equal(right, left)
    assert patch.json_equal({"a": [left]}, {"a": [left]})


def test_the_order_of_a_map_does_not_matter() -> None:
    assert patch.json_equal({"a": 1, "b": [{}]}, {"b": [{}], "a": 1})
