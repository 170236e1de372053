"""The nearest word to a wrong one: rules, options, commands, SCCs."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a question in brackets that names the nearest known word, or "" if none is near."""
    found = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {found[0]}?)" if found else ""
