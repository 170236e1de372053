"""The recorded AdmissionReviews: tests/fixtures/reviews/NAME.{request,response}.json, found by looking, never listed.

A name says version, operation, kind and what is special; one that says `patched` or `unchanged` must be it. All run
under `settings.yaml` beside them, which switches on the rules that are off by default: so one server answers all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT
from webhook.admission import engine
from webhook.admission.review import decode, respond
from webhook.objects.model import Request, Result
from webhook.rules import OPTIONS
from webhook.settings import configuration
from webhook.settings.model import Settings

REVIEWS = ROOT / "tests/fixtures/reviews"
SETTINGS = REVIEWS / "settings.yaml"


@dataclass(frozen=True, slots=True)
class Review:
    """One recorded review and the response that belongs to it."""

    file: Path

    @property
    def id(self) -> str:
        return self.file.name.removesuffix(".request.json")

    @property
    def response_file(self) -> Path:
        return self.file.with_name(f"{self.id}.response.json")

    def request(self) -> Request:
        return decode(self.file.read_bytes())

    def outcome(self) -> Result:
        return engine.evaluate(self.request(), settings())

    def response(self) -> bytes:
        """Return the bytes that the webhook answers."""
        return respond(self.request(), self.outcome())

    def problems(self) -> Iterator[str]:
        """Yield each contradiction between the name and the result."""
        words, outcome = self.id.split("-"), self.outcome()
        version, operation, kind, request = *words[:3], self.request()
        told = (request.version.rpartition("/")[2], request.operation.lower(), request.kind.partition(".")[0].lower())
        if (version, operation, kind) != told:
            yield f"{self.id}: the review is of {' '.join(told)}"
        if words[-1] != ("patched" if outcome.operations else "unchanged"):
            yield f"{self.id}: the name must end with -patched or -unchanged, as is true: {outcome.rules()}"
        if outcome.failures:
            yield f"{self.id}: a rule failed: {outcome.failures}"


def settings() -> Settings:
    """Return the settings under which all reviews are answered."""
    return configuration.load(SETTINGS, OPTIONS)


def all_reviews() -> list[Review]:
    """Return every recorded review, sorted."""
    return [Review(file) for file in sorted(REVIEWS.glob("*.request.json"))]
