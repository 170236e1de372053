"""Apply the rules to manifests, and keep all text that no rule changes."""

import difflib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from webhook.admission import engine
from webhook.admission.review import request_for_manifest
from webhook.manifests.reader import Document
from webhook.objects.model import Finding, Request, Result
from webhook.settings.model import Settings


@dataclass(slots=True)
class Fixed:
    """One file: its text before and after, and the result for each object."""

    file: str
    before: str = ""
    after: str = ""
    outcomes: list[tuple[Request, Result]] = field(default_factory=list)

    def changes(self) -> list[Finding]:
        """Return what the rules changed."""
        return [finding for _, outcome in self.outcomes for finding in outcome.findings]

    def warnings(self) -> list[str]:
        """Return the warnings, one line each, with file and object."""
        return [
            f"{self.file}: {request.kind} {request.namespace or '-'}/{request.name}: {warning}"
            for request, outcome in self.outcomes
            for warning in outcome.warnings
        ]

    def diff(self) -> str:
        """Return the changes as a unified diff."""
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True), self.after.splitlines(keepends=True), self.file, self.file
        )
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def fix(documents: Iterable[Document], settings: Settings) -> Iterator[Fixed]:
    """Yield each file with the rules applied to every object."""
    current: Fixed | None = None
    for document in documents:
        if current is None or current.file != document.file:
            if current:
                yield current
            current = Fixed(document.file)
        changed = document
        for at, obj in document.objects():
            request = request_for_manifest(obj)
            outcome = engine.evaluate(request, settings)
            current.outcomes.append((request, outcome))
            if outcome.operations:
                changed = changed.patched(outcome.operations, at)
        current.before += document.text
        current.after += changed.text
    if current:
        yield current


def as_next_document(text: str) -> str:
    """Return a file's text with a leading `---`."""
    return text if text.startswith("---") else f"---\n{text}"


def write(path: Path, text: str) -> None:
    """Replace a file atomically, following symbolic links."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
