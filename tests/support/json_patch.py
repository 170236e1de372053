"""A second JSON Patch, straight from RFC 6902: patches must mean the same to independent code."""

import copy
from typing import Any


def applied(document: Any, operations: list[dict[str, Any]]) -> Any:
    """Return a document with add, remove and replace applied; raise where one of them does not fit."""
    document = copy.deepcopy(document)
    for operation in operations:
        _apply(document, operation)
    return document


def _apply(document: Any, operation: dict[str, Any]) -> None:
    root, *parts = operation["path"].split("/")
    if root or not parts:
        raise ValueError(f"{operation['path']}: expected a pointer below the document")
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in parts]
    for part in way:
        document = document[_index(part, len(document) - 1)] if isinstance(document, list) else document[part]
    adds, removes = operation["op"] == "add", operation["op"] == "remove"
    if not adds and not removes and operation["op"] != "replace":
        raise ValueError(f"{operation['op']}: an operation that the webhook never sends")
    if isinstance(document, list):
        index = len(document) if last == "-" and adds else _index(last, len(document) - (not adds))
        document[index : index + (not adds)] = [] if removes else [copy.deepcopy(operation["value"])]
    elif isinstance(document, dict) and (adds or last in document):
        if removes:
            del document[last]
        else:
            document[last] = copy.deepcopy(operation["value"])
    else:
        raise ValueError(f"nothing is at {operation['path']}")


def _index(part: str, largest: int) -> int:
    if not (part.isascii() and part.isdecimal() and str(int(part)) == part and int(part) <= largest):
        raise ValueError(f"{part}: expected an index up to {largest}")
    return int(part)


def remove(path: str) -> dict[str, Any]:
    return {"op": "remove", "path": path}


def add(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}
