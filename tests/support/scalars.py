"""Find and read the single values in a JSON value."""

from collections.abc import Iterator
from typing import Any


def scalars(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the pointer of everything in a value that is neither map nor list."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield at
    for key, inner in items or ():
        yield from scalars(inner, (*at, key))


def value_at(value: Any, at: tuple[Any, ...]) -> Any:
    """Return the value at a pointer whose indexes may be strings."""
    for part in at:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value
