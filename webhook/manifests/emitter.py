"""Format values for insertion into YAML text."""

import contextlib
import re
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Strings in PyYAML, but numbers or booleans in kubectl and Helm: 1e3, 0o14, y.
_AMBIGUOUS = re.compile(r"[-+.]*\d.*|[yYnN]")
_LITERAL = re.compile(r"(\|-?[ \t]*(?:#[^\r\n]*)?(\r?\n))( +)(?=\S)")


def inline(value: Any, *, is_flow: bool = False) -> str:
    """Return a value as one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inline(k, is_flow=True)}: {inline(value[k], is_flow=True)}" for k in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(item, is_flow=True) for item in value) + "]"
    dumped = yaml.safe_dump([value], default_flow_style=is_flow, allow_unicode=True, width=float("inf"))
    plain = dumped[1:-2] if is_flow else dumped[2:-1]
    if isinstance(value, str) and (plain != value or _AMBIGUOUS.fullmatch(value)):
        return yaml.safe_dump(value, default_style='"', allow_unicode=True, width=float("inf")).rstrip("\n")
    return plain


def block(value: Any) -> list[str]:
    """Return the lines of a value in block style."""
    if not value or not isinstance(value, dict | list):
        return [inline(value)]
    lines: list[str] = []
    for item in value:
        head, child = (f"{inline(item)}:", value[item]) if isinstance(value, dict) else ("-", item)
        first, *others = block(child)
        if isinstance(value, dict) and child and isinstance(child, dict | list):
            indent = "" if isinstance(child, list) else "  "
            lines += [head, *(indent + line for line in (first, *others))]
        else:
            lines += [f"{head} {first}", *(f"  {line}" for line in others)]
    return lines


def literal(old: str, old_value: str, value: str) -> str | None:
    """Return a string in the style of the literal (`|`) that it replaces, or None if that is not possible."""
    match, end = _LITERAL.match(old), "\n" if old_value.endswith("\n") else ""
    if not match or value.endswith("\n") != bool(end):
        return None
    header, line_break, indent = match.groups()
    new = header + line_break.join(indent + line if line else "" for line in value.removesuffix("\n").split("\n"))
    with contextlib.suppress(yaml.YAMLError, ValueError):
        return new if yaml.load(new + end, Loader=_LOADER) == value else None  # noqa: S506 - a safe loader
    return None
