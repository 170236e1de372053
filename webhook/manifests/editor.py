"""Apply JSON Patch operations to the text of a YAML document, so that a diff shows only what they change."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from webhook.manifests.emitter import block, inline, literal
from webhook.objects import patch
from webhook.objects.model import Change, Operation, Pointer, UnknownShape

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_COLON = re.compile(r"[ \t]*:")
_DASH = re.compile(r"(?:\s|#[^\n]*)*-")
_COMMENT = re.compile(r"(?:[ \t]*#[^\r\n]*)?")
_COMMA = re.compile(r"\s*,[ \t]*(?:#[^\n]*)?\s*")
_DOUBTS = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)

LONGEST: Final = 2**15  # characters of a YAML string inside an object; upstream: 1,300
DEEPEST: Final = 100
MOST_EVENTS: Final = 500  # parser events of such a string; upstream: 38
MOST_EDITS: Final = 10  # of such a string; each edit parses it again; upstream: 3


@dataclass(frozen=True)
class _Node:
    """A value in the text. `end` excludes any comment after it."""

    event: Any
    start: int
    end: int
    children: "list[_Node]"
    is_mapping: bool
    is_flow: bool


@dataclass(frozen=True)
class _Entry:
    """A key or list item: where it starts, where its colon or dash ends, and its value."""

    start: int
    after: int
    value: _Node


def edit(text: str, operations: Sequence[Operation]) -> str | None:
    """Apply JSON Patch operations to the text of one YAML document and keep every other byte.

    Return None at anchors, aliases and tags, and if the result does not parse to the expected value.
    """
    bom, edited = (text[0], text[1:]) if text.startswith("\ufeff") else ("", text)
    try:
        expected = yaml.load(edited, Loader=_LOADER)  # noqa: S506 - a safe loader
        for operation in operations:
            tokens = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
            expected = patch.apply(
                expected, [operation]
            )  # copies along the path, so that values shared by an alias stay
            edited = _apply_to_text(edited, tokens, operation)
        # repr, because True == 1 == 1.0 and the order of keys matters.
        faithful = repr(yaml.load(edited, Loader=_LOADER)) == repr(expected)  # noqa: S506 - as above
        return bom + edited if faithful else None
    except _DOUBTS:
        return None


def parse_embedded(text: str, at: Pointer) -> Any:
    """Return the value of an untrusted YAML string at a pointer of an object.

    Return None if it is malformed, too deeply nested, or uses aliases. Raises UnknownShape if it is too large.
    """
    if len(text) > LONGEST:
        raise UnknownShape(at, f"a text of at most {LONGEST:,} characters")
    depth = 0
    try:
        for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
            if count >= MOST_EVENTS:
                raise UnknownShape(at, f"YAML of at most {MOST_EVENTS} keys and values")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST or isinstance(event, yaml.AliasEvent):
                return None
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 - as above
    except _DOUBTS:
        return None


def change_text(text: str, at: Pointer, value: Any, changes: Sequence[Change]) -> str | None:
    """Apply changes to a YAML string whose parsed value is given. Return None like `edit`. Raises UnknownShape."""
    if len(changes) > MOST_EDITS:
        raise UnknownShape(at, f"YAML of which at most {MOST_EDITS} fields change")
    operations: list[Operation] = []
    for change in changes:
        operations += (step := patch.operations(change, value))
        value = patch.apply(value, step)
    return edit(text, operations)


def _apply_to_text(text: str, tokens: list[str], operation: Operation) -> str:
    events = yaml.parse(text, Loader=_LOADER)
    root = next(_node(text, event, events) for event in events if isinstance(event, yaml.NodeEvent))
    path = [_Entry(root.start, root.start, root)]
    for token in tokens[:-1]:
        path.append(_entries(text, path[-1].value)[token])
    holder, token = path[-1].value, tokens[-1]
    siblings = _entries(text, holder)
    inserts = operation["op"] == "add" and not (holder.is_mapping and token in siblings)
    target = path if inserts else [*path, siblings[token]]
    if any(isinstance(e.value.event, yaml.AliasEvent) or e.value.event.anchor or e.value.event.tag for e in target):
        raise ValueError("anchor, alias or tag")
    if inserts:
        return _insert(text, path, list(siblings.values()), token, operation["value"])
    if operation["op"] != "remove":
        return _replace(text, target, operation["value"])
    if len(siblings) == 1:
        return _replace(text, path, {} if holder.is_mapping else [])
    return _remove(text, list(siblings.values()), siblings[token], is_flow=holder.is_flow)


def _node(text: str, event: Any, events: Iterator[Any]) -> _Node:
    start, end = event.start_mark.index, event.end_mark.index
    children: list[_Node] = []
    is_mapping, is_flow = isinstance(event, yaml.MappingStartEvent), bool(getattr(event, "flow_style", False))
    if isinstance(event, yaml.CollectionStartEvent):
        while isinstance(last := next(events), yaml.NodeEvent):
            children.append(_node(text, last, events))
        end = last.end_mark.index if is_flow else children[-1].end
    elif isinstance(event, yaml.ScalarEvent) and event.style in ("|", ">"):
        scalar = text[start:end]
        keeps_blank_lines = "+" in scalar.split("\n", 1)[0].split("#")[0]
        end = start + len(scalar.removesuffix("\n").removesuffix("\r") if keeps_blank_lines else scalar.rstrip())
    return _Node(event, start, end, children, is_mapping, is_flow)


def _entries(text: str, node: _Node) -> dict[str, _Entry]:
    if node.is_mapping:
        pairs = zip(node.children[::2], node.children[1::2], strict=True)
        return {k.event.value: _Entry(k.start, _behind(_COLON, text, k.end), value) for k, value in pairs}
    entries: dict[str, _Entry] = {}
    for position, child in zip([node.start, *(child.end for child in node.children)], node.children, strict=False):
        after = child.start if node.is_flow else _behind(_DASH, text, position)
        entries[str(len(entries))] = _Entry(after if node.is_flow else after - 1, after, child)
    return entries


def _behind(pattern: re.Pattern[str], text: str, position: int) -> int:
    if match := pattern.match(text, position):
        return match.end()
    raise ValueError(f"unexpected text at character {position}")


def _remove(text: str, siblings: list[_Entry], entry: _Entry, *, is_flow: bool) -> str:
    start, end, previous = entry.start, entry.value.end, siblings[siblings.index(entry) - 1].value.end
    if is_flow and entry is not siblings[-1]:
        return text[:start] + text[_behind(_COMMA, text, end) :]
    if is_flow and "#" not in text[previous:start]:
        return text[:previous] + text[end:]
    if _is_first_on_line(text, start):
        return _cut_lines(text, start, end)
    # The first key of a list item (`- name: x`): the next key moves up to the dash.
    return text[:start] + text[_line_end(text, end) :].lstrip()


def _replace(text: str, path: list[_Entry], value: Any) -> str:
    entry, old = path[-1], path[-1].value
    is_root, in_mapping = len(path) == 1, len(path) > 1 and path[-2].value.is_mapping
    in_flow = any(e.value.is_flow for e in path[:-1]) or (old.is_flow and (is_root or old.children))
    nests = bool(value) and isinstance(value, dict | list) and not in_flow
    is_block = bool(old.children) and not old.is_flow
    is_below = is_block and not is_root and _is_first_on_line(text, old.start)
    gap = " " if old.start == old.end and not text[old.start - 1].isspace() else ""
    if is_below or (nests and in_mapping):
        rest = _cut_lines(text, old.start, old.end) if is_below else text[: entry.after] + text[old.end :]
        if not nests:
            return f"{rest[: entry.after]} {inline(value)}{rest[entry.after :]}"
        indent = 0 if in_mapping and isinstance(value, list) else 2
        return _insert_below(rest, entry.after, block(value), _column(text, entry.start) + indent)
    was = old.event.value if isinstance(old.event, yaml.ScalarEvent) else None
    if was and isinstance(value, str) and (same_style := literal(text[old.start : old.end], was, value)):
        return text[: old.start] + same_style + text[old.end :]
    lines = [_flow(text, path, value, entry.start)] if in_flow else block(value)
    new = _line_break(text, _column(text, old.start) + len(gap)).join(lines)
    return text[: old.start] + gap + new + text[_line_end(text, old.end) if is_block else old.end :]


def _insert(text: str, path: list[_Entry], siblings: list[_Entry], key: str, value: Any) -> str:
    holder = path[-1].value
    new = {key: value} if holder.is_mapping else [value]
    if not siblings:
        return _replace(text, path, new)
    index = len(siblings) if holder.is_mapping or key == "-" else int(key)
    like = siblings[min(index, len(siblings) - 1)]
    has_lines = _is_first_on_line(text, like.start)
    line_break = _line_break(text, _column(text, like.start))
    if holder.is_flow:
        colon = f"{_flow(text, path, key, like.start)}: " if holder.is_mapping else ""
        entry = colon + _flow(text, path, value, like.start)
        separator = line_break if has_lines else " "
        if index < len(siblings):
            return f"{text[: like.start]}{entry},{separator}{text[like.start :]}"
        end = like.value.end
        at = _behind(_COMMENT, text, end) if has_lines else end
        return f"{text[:end]},{text[end:at]}{separator}{entry}{text[at:]}"
    if index or (has_lines and len(path) > 1):
        above = siblings[index - 1].value.end if index else path[-1].after
        return _insert_below(text, above, block(new), _column(text, siblings[0].start))
    return text[: like.start] + line_break.join([*block(new), text[like.start :]])


def _flow(text: str, path: list[_Entry], value: Any, like: int) -> str:
    """Return a value in the style of its outermost flow collection, YAML or JSON with the layout at `like`."""
    outer = next(e.value for e in path if e.value.is_flow)
    first = outer.children[0].start if outer.children else outer.start
    if text[first] != '"':
        return inline(value, is_flow=True)
    if not (_is_first_on_line(text, like) and _is_first_on_line(text, first)):
        return json.dumps(value, ensure_ascii=False)
    line = text[outer.start - _column(text, outer.start) : outer.start]
    step = _column(text, first) - (len(line) - len(line.lstrip(" -")))
    return json.dumps(value, ensure_ascii=False, indent=step).replace("\n", _line_break(text, _column(text, like)))


def _insert_below(text: str, position: int, lines: list[str], column: int) -> str:
    at = _line_end(text, position)
    return text[:at] + "".join(_line_break(text, column) + line for line in lines) + text[at:]


def _cut_lines(text: str, start: int, end: int) -> str:
    before, after = text[: start - _column(text, start)], text[_line_end(text, end) :]
    return before + after[after.find("\n") + 1 :] if after else before.removesuffix("\n").removesuffix("\r")


def _line_break(text: str, column: int) -> str:
    return ("\r\n" if "\r\n" in text else "\n") + " " * column


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end == -1 else end - text[position:end].endswith("\r")


def _column(text: str, position: int) -> int:
    return position - text.rfind("\n", 0, position) - 1


def _is_first_on_line(text: str, position: int) -> bool:
    return not text[position - _column(text, position) : position].strip()
