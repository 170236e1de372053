"""Format field errors as Kubernetes and OpenShift do."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

LONGEST: Final = 256
"""Characters of a warning. kubectl prints it on the terminal; the API server may truncate longer ones."""


def invalid(path: str, value: Any, detail: str) -> str:
    """Return the error for a field whose value is not allowed."""
    return f"{path}: Invalid value: {json.dumps(value, separators=(',', ':'), ensure_ascii=False)}: {detail}"


def required(path: str, detail: str = "") -> str:
    """Return the error for a field that must be set."""
    return f"{path}: Required value" + (f": {detail}" if detail else "")


def forbidden(path: str, detail: str) -> str:
    """Return the error for a field that must not be set."""
    return f"{path}: Forbidden: {detail}"


def shortened(start: str, refusals: Iterable[str], end: str) -> str:
    """Return a warning with each reason once, as many as fit, and the number of the others."""
    reasons: dict[str, str] = {}
    for refusal in refusals:
        where, _, message = re.sub(r"^provider \S+: \.?", "", refusal).partition(": ")
        reasons.setdefault(detail := message.rpartition(": ")[2], f"{where}: {detail}")
    first, *more = reasons.values()
    room = LONGEST - len(end) - len("; and 100 more")
    text = (start + first)[:room]
    while more and len(text) + len(more[0]) + 2 <= room:
        text += f"; {more.pop(0)}"
    text += f"; and {len(more)} more" if more else ""
    return "".join(character if character.isprintable() else "?" for character in text + end)
