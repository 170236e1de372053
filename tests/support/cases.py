"""The fixtures: tests/fixtures/RULE/CASE/{request,expected}.yaml, found by looking, never listed.

A case with an `old.yaml` (the stored object) is an UPDATE; one with a `settings.yaml` runs under that configuration.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.paths import ROOT
from webhook.admission import engine
from webhook.admission.engine import ALL_RULES
from webhook.admission.review import request_for_manifest
from webhook.manifests import reader
from webhook.manifests.reader import Document
from webhook.objects.model import Object, Request, Result
from webhook.rules import OPTIONS
from webhook.rules.registry import Rule
from webhook.settings import configuration
from webhook.settings.model import Settings

FIXTURES = ROOT / "tests/fixtures"
CHANGING = ("drops-", "sets-", "adds-")
FILES = {"request.yaml", "expected.yaml", "old.yaml", "settings.yaml"}


@dataclass(frozen=True, slots=True)
class Case:
    """One folder of fixtures."""

    folder: Path

    @property
    def id(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def expected_file(self) -> Path:
        return self.folder / "expected.yaml"

    @property
    def changes(self) -> bool:
        return self.folder.name.startswith(CHANGING)

    @property
    def updates(self) -> bool:
        return (self.folder / "old.yaml").exists()

    @property
    def settings_file(self) -> Path | None:
        path = self.folder / "settings.yaml"
        return path if path.exists() else None

    def document(self) -> Document:
        return reader.one_document(self.folder / "request.yaml")

    def settings(self) -> Settings:
        return configuration.load(self.settings_file, OPTIONS)

    def request(self) -> Request:
        request = request_for_manifest(self.document().value)
        if not self.updates:
            return request
        old: Object = reader.one_document(self.folder / "old.yaml").value
        return replace(request, operation="UPDATE", old=old)

    def outcome(self, rules: Sequence[Rule] = ALL_RULES) -> Result:
        return engine.evaluate(self.request(), self.settings(), rules)

    def evaluated_text(self) -> str:
        """Return the request's text as the engine would leave it, everything else byte for byte."""
        document, outcome = self.document(), self.outcome()
        return document.patched(outcome.operations).text if outcome.operations else document.text

    def expected(self) -> Object:
        value: Object = reader.one_document(self.expected_file).value
        return value

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the case itself, whatever its expected file says."""
        rule, outcome = self.folder.parent.name, self.outcome()
        if self.changes and rule not in outcome.rules():
            yield f"{self.id}: {rule} changed nothing here"
        if not self.changes and not self.folder.name.startswith("keeps-"):
            yield f"{self.id}: the name must start with {', '.join(CHANGING)} or keeps-"
        if not self.changes and rule in outcome.rules():
            yield f"{self.id}: {rule} changed something that it must leave alone"
        if not self.changes and not self.document().text.startswith("# "):
            yield f"{self.id}: the first line of request.yaml must be a comment that says why nothing changes"
        if outcome.failures:
            yield f"{self.id}: a rule failed: {outcome.failures}"


def all_cases() -> list[Case]:
    """Return every case, sorted."""
    return [Case(folder) for folder in sorted(FIXTURES.glob("*/*/"))]
