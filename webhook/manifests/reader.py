"""YAML streams in and out, by file and line: with parsing.py and edit.py the door of yaml."""

import itertools
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from webhook.manifests.editor import edit
from webhook.manifests.parser import BadManifest, Loader, value
from webhook.objects import patch
from webhook.objects.model import Object, Operation, Pointer, pointer

LARGEST: Final = 64 * 2**20  # bytes of one file; a whole release of Kubeflow has 1 MiB
MOST_DOCUMENTS: Final = 20_000  # of one file
SUFFIXES: Final = (".yaml", ".yml", ".json")


class _Dumper(yaml.CSafeDumper):
    """Writes a value as often as it stands, never as an alias."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _written(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Represent a text of several lines as people write it."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _written)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its text, byte for byte, and what it says."""

    file: str
    line: int
    text: str
    value: Any

    def objects(self) -> Iterator[tuple[Pointer, Object]]:
        """Yield every Kubernetes object in the document and where it is: itself, or the items of a List."""
        value = self.value
        if isinstance(value, dict) and isinstance(value.get("items"), list) and str(value.get("kind")).endswith("List"):
            yield from ((("items", i), item) for i, item in enumerate(value["items"]) if isinstance(item, dict))
        elif isinstance(value, dict):
            yield (), value

    def line_of(self, at: Pointer) -> int:
        """Return the line of the file on which a field stands, or the nearest thing around it that exists."""
        node, line = yaml.compose(self.text, Loader), 0
        for part in at:
            if isinstance(node, yaml.MappingNode):
                found = next(((key, value) for key, value in node.value if key.value == part), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                found = (node.value[part], node.value[part])
            else:
                found = None
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        return self.line + line

    def patched(self, operations: Sequence[Operation], at: Pointer = ()) -> "Document":
        """Return the document with operations applied to the object at a pointer; untouched text stays as it is."""
        moved = [{**operation, "path": pointer(at) + operation["path"]} for operation in operations]
        value = patch.apply(self.value, moved)
        text = edit(self.text, moved)
        return Document(self.file, self.line, _anew(self.text, value) if text is None else text, value)


def read(inputs: Iterable[str]) -> Iterator[Document]:
    """Read files, folders (recursively: .yaml, .yml, .json) and `-`. Raises BadManifest."""
    seen: set[Path] = set()  # a file that is named twice is read once
    for name in inputs:
        if name == "-":
            yield from documents(decoded(standard_input(), "-"), "-")
            continue
        for path in files(Path(name)):
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield from documents(_text(path), str(path))


def standard_input() -> bytes:
    """Read standard input to its end. Raises BadManifest."""
    try:
        return _bounded(sys.stdin.buffer.read(LARGEST + 1), "-")
    except (AttributeError, OSError, ValueError):
        raise BadManifest("-: standard input is closed") from None


def files(path: Path) -> list[Path]:
    """List the manifests in a folder, sorted; a file is itself. Raises BadManifest."""
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
    if not found:
        raise BadManifest(f"{path}: no {', '.join(SUFFIXES)} file in this folder")
    return found


def one_document(path: Path) -> Document:
    """Read a file that holds one document. Raises BadManifest."""
    found = list(documents(_text(path), str(path)))
    if len(found) != 1:
        raise BadManifest(f"{path}:1: one document belongs here, not {len(found)}")
    return found[0]


def documents(text: str, file: str) -> Iterator[Document]:
    """Split a stream into its documents; their texts together are the whole stream. Raises BadManifest."""
    starts = [match.start() for match in re.finditer(r"^---(?=\s|$)", text, re.MULTILINE)]
    if not text[: starts[0] if starts else None].strip() and starts:
        starts[0] = 0
    if len(starts) > MOST_DOCUMENTS:
        line = text.count("\n", 0, starts[MOST_DOCUMENTS]) + 1
        raise BadManifest(f"{file}:{line}: more than {MOST_DOCUMENTS} documents")
    cuts = [0, *(start for start in starts if start), len(text)]
    line = 1
    for start, end in itertools.pairwise(cuts):
        part = text[start:end]
        yield Document(file, line, part, value(part, file, line))
        line += part.count("\n")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return decoded(_bounded(file.read(LARGEST + 1), str(path)), str(path))
    except OSError as error:
        raise BadManifest(f"{path}: {error.strerror or error}") from None


def _bounded(content: bytes, file: str) -> bytes:
    if len(content) > LARGEST:
        raise BadManifest(f"{file}:1: larger than {LARGEST // 2**20} MiB: no manifests are")
    return content


def decoded(content: bytes, file: str) -> str:
    """Return a file's bytes as text. Raises BadManifest."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadManifest(f"{file}:{line}: not UTF-8") from None


def dump(value: Any) -> str:
    """Write a value as YAML, keys in the order they have."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _anew(text: str, value: Any) -> str:
    """Write a document anew, in the form it had: for what cannot be edited in place."""
    if text.lstrip().startswith(("{", "[")):
        return json.dumps(value, indent=2) + "\n"
    return ("---\n" if text.startswith("---") else "") + dump(value)
