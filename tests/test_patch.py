"""Patches: what a change means for an object, what an operation does to it, and what is the same."""

from typing import Any

import pytest

from webhook import patch
from webhook.model import REMOVED, Change, Object, Pointer, pointer


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
def test_an_operation_is_applied_to_the_object_itself_or_to_a_copy(at: Pointer, value: Any) -> None:
    obj = pod()
    (operation,) = patch.operations(Change(at, value, ""), obj)
    done = patch.apply(obj, [operation])
    assert obj == pod() != done
    patch.apply_in_place(obj, operation)
    assert obj == done


def test_a_value_that_is_patched_later_leaves_the_operation_that_added_it_alone() -> None:
    obj, operation = pod(), {"op": "add", "path": "/metadata/labels", "value": {"app": "x"}}
    patch.apply_in_place(obj, operation)
    patch.apply_in_place(obj, {"op": "remove", "path": "/metadata/labels/app"})
    assert operation["value"] == {"app": "x"}


def test_what_a_patch_leaves_alone_is_shared() -> None:
    obj = pod()
    done = patch.apply(obj, [{"op": "replace", "path": "/metadata/name", "value": "q"}])
    assert done["spec"] is obj["spec"]


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
        patch.apply_in_place(obj, operation)
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
    assert not patch.same(left, right)
    assert not patch.same(right, left)
    assert patch.same({"a": [left]}, {"a": [left]})


def test_the_order_of_a_map_does_not_matter() -> None:
    assert patch.same({"a": 1, "b": [{}]}, {"b": [{}], "a": 1})
