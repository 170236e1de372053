"""Parse YAML documents to JSON values, with file and line in each error."""

import contextlib
import json
import math
from typing import Any, Final

import yaml

from webhook.objects.model import BadInput, Object

PLAIN_TAGS: Final = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
DEEPEST: Final = 200  # upstream: 25
MOST_NODES: Final = 2_000_000  # upstream: 20,000; a bomb of aliases would exhaust memory


class BadManifest(BadInput):
    """A file is not a valid manifest. The message names file and line."""


class Loader(yaml.CSafeLoader):
    """Resolves scalars as kubectl does: a date stays a string."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str, file: str, line: int) -> Any:
    """Return a document as a JSON value, without shared objects, dates and NaN. Raises BadManifest.

    `line` is where the text begins in `file`.
    """
    text = text.removeprefix("\ufeff")
    try:
        if text.lstrip().startswith(("{", "[")):
            # Otherwise it is YAML or malformed; the YAML parser says where.
            with contextlib.suppress(json.JSONDecodeError, UnicodeEncodeError):
                value = json.loads(text, object_pairs_hook=_reject_duplicate_keys, parse_constant=_no_constant)
                if "\\u" in text:
                    json.dumps(value, ensure_ascii=False).encode()  # half a character cannot be written
                return value
        _refuse_depth(text)
        loader = Loader(text)
        try:
            node = loader.get_single_node()
            return None if node is None else _plain(loader, node, [MOST_NODES])
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadManifest(f"{file}:{line + (mark.line if mark else 0)}: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        at = getattr(error, "position", 0)  # set for a character that YAML does not allow
        reason = getattr(error, "reason", None) or error
        raise BadManifest(f"{file}:{line + text.count(chr(10), 0, at)}: {str(reason)[:200]}") from None
    except RecursionError:
        raise BadManifest(f"{file}:{line}: nested too deeply") from None


def _refuse_depth(text: str) -> None:
    """Raise RecursionError for deep nesting, which would overflow the C stack in libyaml."""
    depth = 0
    for event in yaml.parse(text, Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise RecursionError


def _plain(loader: Loader, node: yaml.Node, budget: list[int]) -> Any:
    budget[0] -= 1
    if budget[0] < 0:
        raise yaml.MarkedYAMLError(problem=f"more than {MOST_NODES:,} values", problem_mark=node.start_mark)
    if isinstance(node, yaml.CollectionNode) and node.tag not in PLAIN_TAGS:
        raise yaml.MarkedYAMLError(problem=f"expected a JSON value, got tag {node.tag}", problem_mark=node.start_mark)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, budget) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"duplicate key {key.value}", problem_mark=key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        loader.flatten_mapping(node)
        return {_key(loader, key): _plain(loader, value, budget) for key, value in node.value}
    try:
        value = loader.construct_object(node)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):  # from `!!bool x` and the like
        value = object()
    if not isinstance(value, str | int | float | None) or (isinstance(value, float) and not math.isfinite(value)):
        problem = f"expected a JSON value, got {str(node.value)[:40]!r}"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    return value


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> Object:
    if len(result := dict(pairs)) < len(pairs):
        raise json.JSONDecodeError("duplicate key", "", 0)
    return result


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is not JSON", "", 0)


def _key(loader: Loader, node: yaml.Node) -> str:
    value = loader.construct_object(node, deep=True)
    if isinstance(value, str):
        return value
    if value is None or not isinstance(value, bool | int | float):
        raise yaml.MarkedYAMLError(problem="expected a string as key", problem_mark=node.start_mark)
    return json.dumps(value)  # like kubectl: 8080 becomes "8080", on becomes "true"
