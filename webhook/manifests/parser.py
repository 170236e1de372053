"""What a YAML document says, as JSON has it: where it is no such thing, file and line."""

import contextlib
import json
import math
from typing import Any, Final

import yaml

from webhook.objects.model import BadInput, Object

PLAIN_TAGS: Final = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
DEEPEST: Final = 200  # the deepest upstream manifest has 25
MOST_NODES: Final = 2_000_000  # the largest upstream file has 20,000; a bomb of aliases has more than fits in memory


class BadManifest(BadInput):
    """A file cannot be read as manifests; the message names file and line."""


class Loader(yaml.CSafeLoader):
    """Resolves scalars as kubectl does: a date stays text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def value(text: str, file: str, line: int) -> Any:
    """Return what a document's text says, as JSON has it: nothing shared, no dates, no NaN.

    `file` and `line` are where the text begins. Raises BadManifest.
    """
    text = text.removeprefix("\ufeff")
    try:
        if text.lstrip().startswith(("{", "[")):
            with contextlib.suppress(json.JSONDecodeError):  # then it is YAML, or broken: YAML says where
                return json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)
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
        at = getattr(error, "position", 0)  # of a character that YAML does not allow
        reason = getattr(error, "reason", None) or error
        raise BadManifest(f"{file}:{line + text.count(chr(10), 0, at)}: {str(reason)[:200]}") from None
    except RecursionError:
        raise BadManifest(f"{file}:{line}: nested too deeply") from None


def _refuse_depth(text: str) -> None:
    """Raise where collections are nested without end: read into nodes, they overflow the stack of PyYAML's C."""
    depth = 0
    for event in yaml.parse(text, Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise RecursionError


def _plain(loader: Loader, node: yaml.Node, budget: list[int]) -> Any:
    budget[0] -= 1
    if budget[0] < 0:
        raise yaml.MarkedYAMLError(problem="more values than any manifest has", problem_mark=node.start_mark)
    if isinstance(node, yaml.CollectionNode) and node.tag not in PLAIN_TAGS:
        raise yaml.MarkedYAMLError(problem=f"tag {node.tag} makes no JSON value", problem_mark=node.start_mark)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, budget) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value} stands twice", problem_mark=key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        loader.flatten_mapping(node)
        return {_key(loader, key): _plain(loader, value, budget) for key, value in node.value}
    try:
        value = loader.construct_object(node)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
    ):  # what PyYAML raises of `!!bool x` and its like
        value = object()
    if not isinstance(value, str | int | float | None) or (isinstance(value, float) and not math.isfinite(value)):
        problem = f"{str(node.value)[:40]!r} is no JSON value"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> Object:
    if len(made := dict(pairs)) < len(pairs):
        raise json.JSONDecodeError("a key stands twice", "", 0)
    return made


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is not JSON", "", 0)


def _key(loader: Loader, node: yaml.Node) -> str:
    value = loader.construct_object(node, deep=True)
    if isinstance(value, str):
        return value
    if value is None or not isinstance(value, bool | int | float):
        raise yaml.MarkedYAMLError(problem="a key is no text", problem_mark=node.start_mark)
    return json.dumps(value)  # as kubectl: 8080 becomes "8080", on becomes "true"
