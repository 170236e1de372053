"""Edits of random documents, and of every document that upstream has: exact, or not at all."""

import difflib
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.json_patch import add, remove, replace
from tests.support.paths import ROOT
from webhook.manifests.editor import edit

UPSTREAM = ROOT / os.environ.get("UPSTREAM_MANIFESTS", "../shared/upstream")


KEYS = st.sampled_from(["a", "b", "name", "istio.io/rev", "a~b", "yes", "12", "", "long key", "é😀"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0.5, 1e20, "x", "# x", "a: b", "x,y", "12", "x\ny\n", "w " * 60]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)
ROOTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


def spots(value: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the path, holder and key of every value below."""
    for key, child in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        below = f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"
        yield below, value, key
        yield from spots(child, below)


def commented(text: str, draw: Any) -> str:
    lines = [line + draw(st.sampled_from(["", "", " # why"])) for line in text.split("\n")[:-1]]
    changed = "\n".join(lines) + "\n"
    try:
        return changed if yaml.safe_load(changed) == yaml.safe_load(text) else text
    except yaml.YAMLError:
        return text


@given(st.data(), ROOTS, st.sampled_from(["block", "flow", "JSON"]))
def test_result_is_exact(data: Any, root: dict[str, Any], style: str) -> None:
    if style == "JSON":
        text = json.dumps(root, indent=data.draw(st.sampled_from([None, 2, 4])), ensure_ascii=False)
    else:
        text = commented(
            yaml.safe_dump(root, default_flow_style=style == "flow", sort_keys=False, allow_unicode=True), data.draw
        )
    before, expected = text, yaml.safe_load(text)
    path, holder, key = data.draw(st.sampled_from(list(spots(expected))))
    operation = data.draw(st.sampled_from(["add", "remove", "replace", "add new"]))
    value = data.draw(VALUES)
    if operation == "remove":
        result = edit(text, [remove(path)])
        del holder[key]
    elif operation == "add new" and isinstance(holder, dict):
        operation, path = "add", path[: path.rindex("/")] + "/added"
        result = edit(text, [add(path, value)])
        holder["added"] = value
    elif operation == "replace" or isinstance(holder, dict):
        result = edit(text, [replace(path, value)])
        holder[key] = value
    else:
        result = edit(text, [add(path, value)])
        holder.insert(key, value)
    may_give_up = (
        style != "block" or re.search(r"^\s*(- )*\? ", text, re.MULTILINE) or "1e+20" in before + json.dumps(value)
    )
    assert may_give_up or result is not None
    if result is not None:
        assert json.dumps(yaml.safe_load(result)) == json.dumps(expected)
    if result is not None and style == "block":
        changes = [line[0] for line in difflib.ndiff(text.split("\n"), result.split("\n"))]
        if operation == "remove":
            assert changes.count("+") <= 1  # `parent: {}`, or what moved up to the dash
        if path.endswith("/added") and len(holder) > 1:
            assert "-" not in changes


def documents() -> Iterator[tuple[str, str]]:
    for file in sorted([*UPSTREAM.glob("kubeflow-26.03/*.yaml"), *UPSTREAM.glob("kubeflow-0.7/*.yaml")]):
        for number, text in enumerate(re.split(r"^---[ \t]*\n", file.read_text(), flags=re.MULTILINE)):
            yield f"{file.name} {number}", text


@pytest.mark.skipif(not UPSTREAM.is_dir(), reason="The upstream manifests are not on this machine.")
def test_upstream_manifests_change_only_where_asked() -> None:
    for name, text in documents():
        for path, holder, key in spots(yaml.load(text, Loader=yaml.CSafeLoader)):
            if key in ("runAsUser", "runAsGroup", "fsGroup"):
                removed, added = changed_lines(name, text, remove(path))
                only = len(holder) == 1
                assert [line.split(":")[0].strip(" -") for line in removed][-1] == key, name
                assert (len(removed), len(added)) == ((2, 1) if only else (1, 0)) or added == [
                    removed_dash(removed, text)
                ], name
            elif key == "securityContext" and isinstance(holder[key], dict) and "runAsNonRoot" not in holder[key]:
                removed, added = changed_lines(name, text, add(f"{path}/runAsNonRoot", True))
                assert added[-1].strip() == "runAsNonRoot: true", name
                assert [line.replace(" {}", "") for line in removed] == added[:-1], name


def changed_lines(name: str, text: str, operation: dict[str, Any]) -> tuple[list[str], list[str]]:
    result = edit(text, [operation])
    assert result is not None, (name, operation)
    diff = list(difflib.unified_diff(text.split("\n"), result.split("\n"), n=0, lineterm=""))[2:]
    return [line[1:] for line in diff if line[0] == "-"], [line[1:] for line in diff if line[0] == "+"]


def removed_dash(removed: list[str], text: str) -> str:
    below = text.split("\n")[text.split("\n").index(removed[0]) + 1]
    return below.replace("  ", "- ", 1)
