"""The types that all modules share: object, pointer, change, finding, outcome, request."""

import enum
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

Object = dict[str, Any]
Pointer = tuple[str | int, ...]
Operation = dict[str, Any]
"""One JSON Patch operation: op, path and, where it has one, value."""


HOLDERS: Final = (dict, list)
LONGEST_KEY: Final = 317  # characters that a person sees of a key; those of annotations may have so many


class Removed(enum.Enum):
    """The type of REMOVED, which no JSON value has."""

    REMOVED = "removed"


REMOVED: Final = Removed.REMOVED


class BadInput(Exception):
    """Input cannot be used. The message is the one line that the user sees: what, where, what to do."""


class UnknownShape(Exception):
    """A field of an object has an unexpected type; the message names it."""

    def __init__(self, at: Pointer, expected: str) -> None:
        super().__init__(f"{dotted(at) or 'the object'} is not {expected}")


def dotted(at: Pointer) -> str:
    """Return a pointer as people read it: `spec.containers[0].image`."""
    text = ""
    for part in at:
        text += f"[{part}]" if isinstance(part, int) else f".{part[:LONGEST_KEY]}"
    return text.removeprefix(".")


def pointer(at: Pointer) -> str:
    """Return a pointer in the form of RFC 6901: `/metadata/labels/istio.io~1rev`."""
    plain = "/" + "/".join(map(str, at))
    if "~" not in plain and plain.count("/") == len(at):
        return plain
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in at)


def deep_copy(value: Any) -> Any:
    """Return a deep copy of a JSON value. Three times faster than copy.deepcopy, which supports other types."""
    if type(value) is dict:
        return {key: deep_copy(item) if type(item) in HOLDERS else item for key, item in value.items()}
    return [deep_copy(item) if type(item) in HOLDERS else item for item in value] if type(value) is list else value


def lookup(value: Any, at: Pointer) -> Any:
    """Return the value at a pointer; None if there is none (Kubernetes treats null as absent)."""
    for part in at:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def counterpart_at(value: Any, other: Any, at: Pointer) -> Pointer | None:
    """Return the pointer of the same field in another version; list items match by name or groupName."""
    found: list[str | int] = []
    for part in at:
        value = lookup(value, (part,))
        named = value if isinstance(part, int) and isinstance(value, dict) else {}
        key = "name" if named.get("name") is not None else "groupName"
        if (name := named.get(key)) is not None and isinstance(other, list):
            alike = (number for number, item in enumerate(other) if isinstance(item, dict) and item.get(key) == name)
            if (index := next(alike, None)) is None:
                return None
            part = index  # noqa: PLW2901
        other = lookup(other, (part,))
        found.append(part)
    return tuple(found)


def same_field_in(value: Any, other: Any, at: Pointer) -> Any:
    """Return the value of the same field in another version of an object; None if it has none."""
    there = counterpart_at(value, other, at)
    return None if there is None else lookup(other, there)


def _found(value: Any, at: Pointer) -> Any:
    """Return the value at a pointer, as `lookup` does. Raises UnknownShape if the path crosses another type."""
    for depth, part in enumerate(at):
        if value is None:
            return None
        if isinstance(value, dict) and isinstance(part, str):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part] if part < len(value) else None
        else:
            raise UnknownShape(at[:depth], "a list" if isinstance(part, int) else "a map")
    return value


def mapping(value: Any, at: Pointer) -> Object:
    """Return the map at a pointer; empty if there is none. Raises UnknownShape."""
    found = _found(value, at)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UnknownShape(at, "a map")
    return found


def sequence(value: Any, at: Pointer) -> list[Object]:
    """Return the list of maps at a pointer; empty if there is none. Raises UnknownShape."""
    found = _found(value, at)
    if found is None:
        return []
    if not isinstance(found, list):
        raise UnknownShape(at, "a list")
    for index, item in enumerate(found):
        if not isinstance(item, dict):
            raise UnknownShape((*at, index), "a map")
    return found


def string_list(value: Any, at: Pointer) -> list[str]:
    """Return the list of strings at a pointer; empty if there is none. Raises UnknownShape."""
    found = _found(value, at)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise UnknownShape(at, "a list of strings")
    return found


class Change(NamedTuple):
    """What a rule wants: a new value at a pointer, or REMOVED; the reason; and a warning for the user."""

    at: Pointer
    value: Any
    because: str
    warning: str = ""


class Finding(NamedTuple):
    """The record of one Change: rule, pointer, value before and after, reason."""

    rule: str
    at: Pointer
    before: Any
    after: Any
    because: str

    @property
    def path(self) -> str:
        """The JSON pointer of the field."""
        return pointer(self.at)


@dataclass(frozen=True, slots=True)
class Request:
    """What is evaluated: the `request` of an AdmissionReview, or a manifest from a file as a CREATE."""

    kind: str
    operation: str
    object: Object | None
    old: Object | None = None
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    uid: str = ""
    version: str = ""
    """apiVersion of the review; the response has the same."""
    unread: str = ""
    """Why the object was not read; it is then allowed unchanged."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the engine returns: the changed object, its patch, and a finding for each operation."""

    object: Object | None
    operations: list[Operation] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    """Rules that raised, each with the exception's type: a defect of the webhook, not of the object."""

    def rules(self) -> list[str]:
        """Return the IDs of the rules that changed something, sorted."""
        return sorted({finding.rule for finding in self.findings})
