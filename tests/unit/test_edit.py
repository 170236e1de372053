"""The text of a document changes where an operation says so, and nowhere else."""

import json
from typing import Any

import pytest

from tests.support.json_patch import add, remove, replace
from webhook.manifests.editor import edit

REMOVE = {
    "key": ("a: 1\nb: 2\nc: 3\n", "/b", "a: 1\nc: 3\n"),
    "key with its comment": ("a: 1\nb: 2 # two\nc: 3\n", "/b", "a: 1\nc: 3\n"),
    "comment above stays": ("a: 1\n# two\nb: 2\n# three\nc: 3\n", "/b", "a: 1\n# two\n# three\nc: 3\n"),
    "nested value": ("a:\n  b:\n    c: 1\n\n    # d\n    d: 2\n  # e\n  e: 3\n", "/a/b", "a:\n  # e\n  e: 3\n"),
    "literal": ("a: |\n  x # y\n  # z\n\n# b\nb: 1\n", "/a", "\n# b\nb: 1\n"),
    "folded, blank lines kept": ("a: >+\n  x\n\nb: 1\n", "/a", "b: 1\n"),
    "folded plain": ("a: long\n  string\nb: 1\n", "/a", "b: 1\n"),
    "null": ("a:\n  b:\n  c: 1\n", "/a/b", "a:\n  c: 1\n"),
    "last key": ("a:\n  b: 1\nc: 2\n", "/a/b", "a: {}\nc: 2\n"),
    "last key, comments": ("a: # a\n  # b\n  b: 1 # one\n  # end\nc: 2\n", "/a/b", "a: {} # a\n  # b\n  # end\nc: 2\n"),
    "last key of an item": ("- a: 1 # one\n- b: 2\n", "/0/a", "- {}\n- b: 2\n"),
    "last key of the root": ("# top\na: 1\n", "/a", "# top\n{}\n"),
    "first key of an item": ("- name: x # x\n  image: y\n", "/0/name", "- image: y\n"),
    "first key of an item, comment": ("- name: x\n  # img\n  image: y\n", "/0/name", "- # img\n  image: y\n"),
    "first item": ("a:\n- 1\n- 2\n", "/a/0", "a:\n- 2\n"),
    "middle item": ("a:\n  - b: 1\n    c: 2\n  - b: 3\n    c: 4\n  - 5\n", "/a/1", "a:\n  - b: 1\n    c: 2\n  - 5\n"),
    "last item": ("a:\n- 1\n- b: 2\n  c: 3\nd: 4\n", "/a/1", "a:\n- 1\nd: 4\n"),
    "only item": ("a:\n- 1\nb: 2\n", "/a/0", "a: []\nb: 2\n"),
    "item of a list in a list": ("- - 1\n  - 2\n", "/0/0", "- - 2\n"),
    "flow, first": ("{a: 1, b: 2, c: 3}\n", "/a", "{b: 2, c: 3}\n"),
    "flow, last": ("a: {b: 1, c: 2} # c\n", "/a/c", "a: {b: 1} # c\n"),
    "flow, only": ("a: { b: 1 }\n", "/a/b", "a: {}\n"),
    "flow list": ("a: [x, 'y', z]\n", "/a/1", "a: [x, z]\n"),
    "flow lines": ("a: {\n  b: 1, # b\n  # c\n  c: 2,\n}\n", "/a/b", "a: {\n  # c\n  c: 2,\n}\n"),
    "flow lines, last": ("a: {\n  b: 1, # b\n  c: 2\n}\n", "/a/c", "a: {\n  b: 1, # b\n}\n"),
    "JSON": ('{\n  "a": 1,\n  "b": {\n    "c": 2\n  }\n}\n', "/b", '{\n  "a": 1\n}\n'),
    "JSON, only key": ('{\n  "a": 1,\n  "b": {\n    "c": 2\n  }\n}\n', "/b/c", '{\n  "a": 1,\n  "b": {}\n}\n'),
    "JSON, one line": ('{"a":1,"b":2}', "/a", '{"b":2}'),
    "Windows line ends": ("a: 1\r\nb: 2 # two\r\nc:\r\n  d: 3\r\n", "/b", "a: 1\r\nc:\r\n  d: 3\r\n"),
    "Windows line ends, last key": ("c: # c\r\n  d: 3\r\n", "/c/d", "c: {} # c\r\n"),
    "no newline at the end": ("a: 1\nb: 2", "/b", "a: 1"),
    "no newline at the end, comment": ("a: 1\nb: 2 # two", "/b", "a: 1"),
    "no newline at the end, last key": ("a:\n  b: 2", "/a/b", "a: {}"),
    "byte order mark, non-BMP": ("\ufeff# 😀\na: 😀\nb: é😀 # 😀\nc: 3\n", "/b", "\ufeff# 😀\na: 😀\nc: 3\n"),
    "escaped key": ("m:\n  istio.io/rev: x\n  a~b: y\n  c: z\n", "/m/a~0b", "m:\n  istio.io/rev: x\n  c: z\n"),
    "escaped slash": ("m:\n  istio.io/rev: x\n  c: z\n", "/m/istio.io~1rev", "m:\n  c: z\n"),
    "empty key": ("'': 1\nb: 2\n", "/", "b: 2\n"),
    "traps stay": (
        "a: 1\nb: yes\nc: 012\nd: 1_000\ne: 2020-01-01\n",
        "/a",
        "b: yes\nc: 012\nd: 1_000\ne: 2020-01-01\n",
    ),
    "document start": ("---\n# top\na: 1\nb: 2\n", "/a", "---\n# top\nb: 2\n"),
    "anchor elsewhere": ("a: &x 1\nb: 2\nc: *x\n", "/b", "a: &x 1\nc: *x\n"),
}

ADD = {
    "key": ("a:\n  b: 1 # b\n\n# d\nd: 1\n", "/a/c", 2, "a:\n  b: 1 # b\n  c: 2\n\n# d\nd: 1\n"),
    "key in an item": ("- name: x\n  image: y\n- z\n", "/0/tty", True, "- name: x\n  image: y\n  tty: true\n- z\n"),
    "key that is there": ("a: 1 # one\nb: 2\n", "/a", 3, "a: 3 # one\nb: 2\n"),
    "key after a literal": ("a:\n  b: |\n    x\n\nc: 1\n", "/a/d", 2, "a:\n  b: |\n    x\n  d: 2\n\nc: 1\n"),
    "key after kept lines": ("a:\n  b: |+\n    x\n\nc: 1\n", "/a/d", 2, "a:\n  b: |+\n    x\n\n  d: 2\nc: 1\n"),
    "key after an alias": ("a: &x 1\nb:\n  c: *x\n", "/b/d", 2, "a: &x 1\nb:\n  c: *x\n  d: 2\n"),
    "no newline at the end": ("a: 1", "/b", 2, "a: 1\nb: 2"),
    "Windows line ends": ("a: 1\r\n", "/b", {"c": [1]}, "a: 1\r\nb:\r\n  c:\r\n  - 1\r\n"),
    "byte order mark": ("\ufeffa: 1\n", "/b", "😀", "\ufeffa: 1\nb: 😀\n"),
    "empty mapping": ("a:\n  b: {} # b\n", "/a/b/c", 1, "a:\n  b: # b\n    c: 1\n"),
    "empty mapping in an item": ("- {}\n- 1\n", "/0/a", {"b": 1}, "- a:\n    b: 1\n- 1\n"),
    "empty list": ("a: []\nb: 1\n", "/a/-", {"c": 1, "d": 2}, "a:\n- c: 1\n  d: 2\nb: 1\n"),
    "value for null": ("a: # a\nb:\n", "/a", 1, "a: 1 # a\nb:\n"),
    "mapping for null": ("a: # a\nb:\n", "/a", {"c": 1}, "a: # a\n  c: 1\nb:\n"),
    "mapping for ~": ("a: ~\nb: 1\n", "/a", {"c": 1}, "a:\n  c: 1\nb: 1\n"),
    "item": ("a:\n- 1 # one\n# b\nb: 2\n", "/a/-", 2, "a:\n- 1 # one\n- 2\n# b\nb: 2\n"),
    "item, indented": ("a:\n  - b: 1\nb: 2\n", "/a/1", {"b": 2, "c": 3}, "a:\n  - b: 1\n  - b: 2\n    c: 3\nb: 2\n"),
    "item in the middle": ("a:\n- 1\n# 2\n- 2\n", "/a/1", "x", "a:\n- 1\n- x\n# 2\n- 2\n"),
    "item in front": ("a:\n  # 1\n  - 1\n", "/a/0", "x", "a:\n  - x\n  # 1\n  - 1\n"),
    "item in front, inline": ("- - 1\n", "/0/0", {"a": 1, "b": 2}, "- - a: 1\n    b: 2\n  - 1\n"),
    "nested value": (
        "a: 1\n",
        "/b",
        {"c": [{"d": {}, "e": []}, [1, 2]]},
        "a: 1\nb:\n  c:\n  - d: {}\n    e: []\n  - - 1\n    - 2\n",
    ),
    "flow": ("a: {b: 1} # a\n", "/a/c", "x, y", 'a: {b: 1, c: "x, y"} # a\n'),
    "flow, nested": ("a: {b: {}}\n", "/a/b/c", [1, {"d": None}], "a: {b: {c: [1, {d: null}]}}\n"),
    "flow, empty root": ("{}\n", "/a", 1, "{a: 1}\n"),
    "flow list, front": ("a: [1, 2]\n", "/a/0", 0, "a: [0, 1, 2]\n"),
    "flow lines": ("a: {\n  b: 1 # b\n}\n", "/a/c", 2, "a: {\n  b: 1, # b\n  c: 2\n}\n"),
    "JSON": ('{\n  "a": 1\n}\n', "/b", {"c": [1]}, '{\n  "a": 1,\n  "b": {\n    "c": [\n      1\n    ]\n  }\n}\n'),
    "JSON, indent 4": ('{\n    "a": {}\n}', "/a/b", "x", '{\n    "a": {\n        "b": "x"\n    }\n}'),
    "JSON, one line": ('{"a": [1]}', "/a/-", {"b": True}, '{"a": [1, {"b": true}]}'),
    "key to quote": ("a: 1\n", "/yes", "no", 'a: 1\n"yes": "no"\n'),
    "slash in key": ("a: 1\n", "/istio.io~1rev", "x", "a: 1\nistio.io/rev: x\n"),
    "long string": ("a: 1\n", "/b", "x " * 100, "a: 1\nb: " + json.dumps("x " * 100) + "\n"),
    "two lines": ("a: 1\n", "/b", "x\ny", 'a: 1\nb: "x\\ny"\n'),
    "comma in block style": ("- --a\n", "/-", "--b=x,y", "- --a\n- --b=x,y\n"),
}

REPLACE = {
    "scalar": ("a: 'x'   # a\nb: 1\n", "/a", "z", "a: z   # a\nb: 1\n"),
    "scalar below its key": ("a:\n  'x' # a\nb: 1\n", "/a", "z", "a:\n  z # a\nb: 1\n"),
    "literal": ("a: |\n  x\n  y\nb: 1\n", "/a", "z", "a: z\nb: 1\n"),
    "literal by text of lines": (
        "a: | # a\n  x: 1\n\n  y\n# b\nb: 1\n",
        "/a",
        "x: 2\n\nz\n",
        "a: | # a\n  x: 2\n\n  z\n# b\nb: 1\n",
    ),
    "literal, stripped": ("- |-\n    x\n    y\n- 1\n", "/0", "z\nx", "- |-\n    z\n    x\n- 1\n"),
    "literal, Windows line ends": ("a: |\r\n  x\r\n  y\r\nb: 1\r\n", "/a", "z\nx\n", "a: |\r\n  z\r\n  x\r\nb: 1\r\n"),
    "literal, no newline at the end": ("a: |\n  x\n  y", "/a", "z\nx", "a: |\n  z\n  x"),
    "literal by text that a literal cannot hold": ("a: |\n  x\n", "/a", "y\r\nz\n", 'a: "y\\r\\nz\\n"\n'),
    "literal by text that begins with a space": ("a: |\n  x\n", "/a", " y\nz\n", 'a: " y\\nz\\n"\n'),
    "literal by text that ends otherwise": ("a: |\n  x\n", "/a", "y\nz", 'a: "y\\nz"\n'),
    "literal, kept": ("a: |+\n  x\n\nb: 1\n", "/a", "y\nz\n\n", 'a: "y\\nz\\n\\n"\nb: 1\n'),
    "folded string": ("a: 'x\n  y\n\n  z' # a\nb: 1\n", "/a", 1, "a: 1 # a\nb: 1\n"),
    "item": ("- a\n- b # b\n", "/1", "c", "- a\n- c # b\n"),
    "mapping by scalar": ("a: # a\n  b: 1\nc: 2\n", "/a", None, "a: null # a\nc: 2\n"),
    "mapping by mapping": ("a:\n  b: 1 # b\n  c: 2 # c\nd: 3\n", "/a", {"e": 4}, "a:\n  e: 4\nd: 3\n"),
    "list by mapping": ("a:\n- 1\nb: 2\n", "/a", {"c": 1}, "a:\n  c: 1\nb: 2\n"),
    "mapping by list": ("a:\n  c: 1\nb: 2\n", "/a", [1], "a:\n- 1\nb: 2\n"),
    "scalar by mapping": ("a: 1 # a\nb: 2\n", "/a", {"c": 1}, "a: # a\n  c: 1\nb: 2\n"),
    "item by item": ("- a: 1\n  b: 2 # b\n- c\n", "/0", {"d": [1]}, "- d:\n  - 1\n- c\n"),
    "empty item": ("-\n- 1\n", "/0", {"a": 1, "b": 2}, "- a: 1\n  b: 2\n- 1\n"),
    "flow": ("a: {b: 1, c: 2}\n", "/a/b", [1], "a: {b: [1], c: 2}\n"),
    "flow by flow": ("a: {b: 1, c: 2}\n", "/a", {"d": 1}, "a: {d: 1}\n"),
    "flow null": ("a: {b: , c: 2}\n", "/a/b", 1, "a: {b: 1, c: 2}\n"),
    "JSON": ('{\n  "a": 1,\n  "b": 2\n}\n', "/a", {"c": "é😀"}, '{\n  "a": {\n    "c": "é😀"\n  },\n  "b": 2\n}\n'),
    "Windows line ends": ("a: 1 # a\r\nb: 2\r\n", "/a", {"c": 1}, "a: # a\r\n  c: 1\r\nb: 2\r\n"),
    "true by 1": ("a: true\n", "/a", 1, "a: 1\n"),
}

CASES = [pytest.param(a, remove(p), b, id=f"remove {name}") for name, (a, p, b) in REMOVE.items()]
CASES += [pytest.param(a, add(p, v), b, id=f"add {name}") for name, (a, p, v, b) in ADD.items()]
CASES += [pytest.param(a, replace(p, v), b, id=f"replace {name}") for name, (a, p, v, b) in REPLACE.items()]


@pytest.mark.parametrize(("before", "operation", "after"), CASES)
def test_changes_only_the_spot(before: str, operation: dict[str, Any], after: str) -> None:
    assert edit(before, [operation]) == after


def test_operations_apply_one_after_the_other() -> None:
    text = "spec:\n  securityContext: # why\n    runAsUser: 1\n"
    context = "/spec/securityContext"
    operations = [remove(f"{context}/runAsUser"), add(f"{context}/runAsNonRoot", True), add(f"{context}/x", [])]
    assert edit(text, operations) == "spec:\n  securityContext: # why\n    runAsNonRoot: true\n    x: []\n"


def test_no_operations_change_nothing() -> None:
    assert edit("a:   1\r\n\n", []) == "a:   1\r\n\n"


@pytest.mark.parametrize(
    "string",
    [
        "yes",
        "on",
        "no",
        "~",
        "null",
        "1e3",
        "0o14",
        "012",
        "1_000",
        "0x1F",
        "y",
        "2020-01-01",
        ".inf",
        "1:30",
        "=",
        "<<",
        "#",
        "-",
        "'",
    ],
)
def test_strings_stay_strings_for_every_parser(string: str) -> None:
    assert edit("a: 1\n", [add("/b", string)]) == f'a: 1\nb: "{string}"\n'


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        pytest.param("a: &x\n  b: 1\nc: *x\n", remove("/a/b"), id="anchor above"),
        pytest.param("a: &x\n  b: 1\n  c: 2\n", replace("/a", 1), id="anchor"),
        pytest.param("a: &x\n  b: 1\nc: *x\n", add("/c/d", 1), id="alias above"),
        pytest.param("a: &x 1\nc: *x\n", replace("/c", 2), id="alias"),
        pytest.param("a: &x\n  b: 1\nc: *x\n", remove("/a"), id="anchor in use"),
        pytest.param("a: &x\n  b: 1\nc:\n  <<: *x\n  d: 1\n", remove("/c/b"), id="merged key"),
        pytest.param("a: !!map\n  b: 1\n  c: 2\n", remove("/a/b"), id="tag above"),
        pytest.param("a: !!str 1\n", replace("/a", 2), id="tag"),
        pytest.param("? a\n: 1\n", replace("/a", 2), id="complex key"),
        pytest.param("[a]: 1\nb: 2\n", replace("/b", 2), id="list as a key"),
        pytest.param("{a, b: 1}\n", replace("/b", 2), id="key alone in a flow mapping"),
        pytest.param("{a: 1 # one\n, b: 1}\n", remove("/a"), id="comment before a comma"),
        pytest.param("a: |\n  x", add("/b", 2), id="literal that a newline would change"),
        pytest.param("yes: 1\n", replace("/yes", 2), id="key that is not a string"),
        pytest.param("a: 1\n---\nb: 2\n", replace("/a", 2), id="two documents"),
        pytest.param("", add("/a", 2), id="no document"),
        pytest.param("a: 1\n", replace("", {"b": 1}), id="whole document"),
        pytest.param("a: [\n", remove("/a"), id="no YAML"),
        pytest.param("[" * 5000 + "]" * 5000, remove("/0"), id="too deep"),
        pytest.param("a: 1\x85b: 2\nc: 3\n", remove("/a"), id="unusual line ends"),
    ],
)
def test_gives_up_where_in_doubt(text: str, operation: dict[str, Any]) -> None:
    assert edit(text, [operation]) is None
