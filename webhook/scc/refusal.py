"""OpenShift's own words: errors of fields as Kubernetes writes them."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

LONGEST: Final = 256
"""Characters of a warning: kubectl shows it on the terminal."""


def invalid(path: str, value: Any, detail: str) -> str:
    """Say that a field has a value that it may not have."""
    return f"{path}: Invalid value: {json.dumps(value, separators=(',', ':'), ensure_ascii=False)}: {detail}"


def required(path: str, detail: str = "") -> str:
    """Say that a field has no value and must have one."""
    return f"{path}: Required value" + (f": {detail}" if detail else "")


def forbidden(path: str, detail: str) -> str:
    """Say that a field may not be set so."""
    return f"{path}: Forbidden: {detail}"


def shortened(start: str, refusals: Iterable[str], end: str) -> str:
    """Write a warning of refusals: each reason once, as many as there is room for, and how many more there are."""
    reasons: dict[str, str] = {}
    for refusal in refusals:
        where, _, said = re.sub(r"^provider \S+: \.?", "", refusal).partition(": ")
        reasons.setdefault(detail := said.rpartition(": ")[2], f"{where}: {detail}")
    first, *more = reasons.values()
    room = LONGEST - len(end) - len("; and 100 more")
    text = (start + first)[:room]
    while more and len(text) + len(more[0]) + 2 <= room:
        text += f"; {more.pop(0)}"
    text += f"; and {len(more)} more" if more else ""
    return "".join(character if character.isprintable() else "?" for character in text + end)
