"""Read and write YAML streams. Only this package imports yaml."""

import itertools
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from webhook.manifests.editor import edit
from webhook.manifests.parser import BadManifest, Loader, parse
from webhook.objects import patch
from webhook.objects.model import Object, Operation, Pointer, pointer

LARGEST: Final = 64 * 2**20  # bytes per file; a release of Kubeflow: 1 MiB
MOST_DOCUMENTS: Final = 20_000  # per file
SUFFIXES: Final = (".yaml", ".yml", ".json")


class _Dumper(yaml.CSafeDumper):
    """Repeats shared values and writes no aliases."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _written(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Represent a multi-line string as a literal block."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _written)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its exact text, and its value."""

    file: str
    line: int
    text: str
    value: Any

    def objects(self) -> Iterator[tuple[Pointer, Object]]:
        """Yield each object with its pointer: the document itself, or the items of a List."""
        value = self.value
        if isinstance(value, dict) and isinstance(value.get("items"), list) and str(value.get("kind")).endswith("List"):
            yield from ((("items", i), item) for i, item in enumerate(value["items"]) if isinstance(item, dict))
        elif isinstance(value, list):
            yield from (((i,), item) for i, item in enumerate(value) if isinstance(item, dict))
        elif isinstance(value, dict):
            yield (), value

    def line_of(self, at: Pointer) -> int:
        """Return the line of a field in the file, or of its nearest parent that exists."""
        node, line = _composed(self.text), 0
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
        """Return the document with the object at a pointer patched. All other text stays as it is."""
        moved = [{**operation, "path": pointer(at) + operation["path"]} for operation in operations]
        value = patch.apply(self.value, moved)
        text = edit(self.text, moved)
        return Document(self.file, self.line, _rewrite_whole(self.text, value) if text is None else text, value)


@lru_cache(1)  # of the document that is reported on
def _composed(text: str) -> Any:
    """Return a document's nodes. JSON may escape a character in two halves, which YAML does not allow."""
    return yaml.compose(re.sub(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", r"\\ufffd", text), Loader)


class Unread(NamedTuple):
    """A file that cannot be read, or that must be rendered first."""

    file: str
    line: int
    """0: the whole file."""
    why: str

    def __str__(self) -> str:
        """Return one line for standard error."""
        return f"{self.file}:{self.line}: {self.why}" if self.line else f"{self.file}: {self.why}"


def read(inputs: Iterable[str]) -> Iterator[Document]:
    """Yield the documents of files, folders (recursively) and `-`. Raises BadManifest."""
    for _, stream in _streams(inputs):
        yield from stream


def read_all(inputs: Sequence[str]) -> tuple[list[Document], list[Unread]]:
    """Return the documents of all readable files, and the files that cannot be read or need rendering.

    Raises BadManifest if there is no object in them.
    """
    found, problems = [], []
    for file, stream in _streams(inputs):
        try:
            for document in stream:
                if isinstance(document.value, dict) and document.value.get("kind") in ("Kustomization", "Component"):
                    render = f"kustomize build {Path(file).parent} | kubeflow-openshift check -"
                    problems.append(Unread(file, document.line, f"not a manifest; render it first: {render}"))
                else:
                    found.append(document)
        except BadManifest as error:
            problems.append(_unread(file, str(error)))
    if not any(True for document in found for _ in document.objects()):
        raise BadManifest(
            "\n".join(map(str, problems)) or f"{' '.join(inputs)}: nothing to judge: no object in the input"
        )
    return found, problems


def _unread(file: str, error: str) -> Unread:
    message = error.removeprefix(f"{file}:")
    line, _, why = message.partition(": ")
    return Unread(file, int(line), why) if line.isdecimal() else Unread(file, 0, message.strip())


def _streams(inputs: Iterable[str]) -> Iterator[tuple[str, Iterator[Document]]]:
    seen: set[Path] = set()  # files named twice are read once
    for name in inputs:
        if name == "-":
            yield "-", documents(decoded(standard_input(), "-"), "-")
            continue
        for path in files(Path(name)):
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield str(path), _documents_of(path)


def _documents_of(path: Path) -> Iterator[Document]:
    text = _text(path)
    try:
        yield from documents(text, str(path))
    except BadManifest as error:
        if "{{" not in text:
            raise
        render = "helm template CHART | kubeflow-openshift check -"
        raise BadManifest(f"{error}; this looks like a Helm template, render it first: {render}") from None


def standard_input() -> bytes:
    """Read standard input to its end. Raises BadManifest."""
    try:
        return _bounded(sys.stdin.buffer.read(LARGEST + 1), "-")
    except (AttributeError, OSError, ValueError):
        raise BadManifest("-: standard input is closed") from None


def files(path: Path) -> list[Path]:
    """Return the sorted manifests in a folder, or the file itself. Raises BadManifest."""
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
        raise BadManifest(f"{path}:1: expected one document, got {len(found)}")
    return found[0]


def documents(text: str, file: str) -> Iterator[Document]:
    """Yield the documents of a stream. Together they have all of its text. Raises BadManifest."""
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
        yield Document(file, line, part, parse(part, file, line))
        line += part.count("\n")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return decoded(_bounded(file.read(LARGEST + 1), str(path)), str(path))
    except OSError as error:
        raise BadManifest(f"{path}: {error.strerror or error}") from None


def _bounded(content: bytes, file: str) -> bytes:
    if len(content) > LARGEST:
        raise BadManifest(f"{file}:1: larger than {LARGEST // 2**20} MiB")
    return content


def decoded(content: bytes, file: str) -> str:
    """Return a file's bytes as text. Raises BadManifest."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadManifest(f"{file}:{line}: not UTF-8") from None


def dump(value: Any) -> str:
    """Return a value as YAML, with keys in their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _rewrite_whole(text: str, value: Any) -> str:
    """Return a document that cannot be edited in place, as JSON or YAML like before."""
    if text.lstrip().startswith(("{", "[")):
        return json.dumps(value, indent=2) + "\n"
    return ("---\n" if text.startswith("---") else "") + dump(value)
