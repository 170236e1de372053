"""What must hold of every request, whatever is in it: one function for hypothesis, for CI's bulk and for a million."""

import json
import os
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from tests.properties import random_objects
from tests.properties.chunks import spread
from tests.properties.lattice import DECLARED, breaches
from tests.properties.lattice_places import found, scopes
from tests.support import json_patch
from tests.support.evidence import Measured
from webhook.admission import engine
from webhook.admission.engine import ALL_RULES
from webhook.objects.model import Object, Request, Result
from webhook.rules import RULES
from webhook.settings.model import Settings


@dataclass(slots=True)
class Seen:
    """What was seen of many cases: which failed and why, how many were patched, and by which rules."""

    failed: list[tuple[str, str]] = field(default_factory=list)
    patched: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Seen") -> None:
        self.failed += other.failed
        self.patched += other.patched
        self.operations += other.operations
        self.rules += other.rules

    def figures(self) -> dict[str, Any]:
        return {
            "failed": len(self.failed),
            "patched": self.patched,
            "requests": dict(sorted(self.operations.items())),
            "changedBy": dict(sorted(self.rules.items())),
        }


def checked(seed: int, cases: range) -> Seen:
    """Run the cases of a seed; a case that fails repeats from its own seed, `SEED:NUMBER`."""
    seen = Seen()
    for number in cases:
        request, settings, dice = case(f"{seed}:{number}")
        outcome, why = problem(request, settings, dice)
        seen.operations[request.operation] += 1
        seen.patched += bool(outcome and outcome.operations)
        seen.rules.update(outcome.rules() if outcome else ())
        if why:
            seen.failed.append((f"{seed}:{number}", why))
    return seen


def case(seed: str) -> tuple[Request, Settings, random.Random]:
    """Return the case of a seed."""
    dice = random.Random(seed)
    return random_objects.request(dice), random_objects.settings(dice), dice


def problem(request: Request, settings: Settings, dice: random.Random) -> tuple[Result | None, str]:
    """Evaluate a request in every order and twice; return the outcome, and what does not hold, or nothing."""
    before = text(request.object), text(request.old)
    try:
        outcome = engine.evaluate(request, settings)
        again = engine.evaluate(replace(request, object=outcome.object), settings)
        shuffled = dice.sample(ALL_RULES, len(ALL_RULES))
        others = [engine.evaluate(request, settings, rules) for rules in (ALL_RULES[::-1], shuffled)]
    except Exception as error:  # noqa: BLE001 - the test reports which one
        return None, f"raised {error!r}"
    if (text(request.object), text(request.old)) != before:
        return outcome, "the request changed"
    left = text(outcome.object)
    if any(text(other.object) != left for other in others):
        return outcome, "the order of rules matters"
    if again.operations:
        return outcome, f"evaluating twice changes more: {again.operations}"
    return outcome, _wrong(request, settings, outcome, left)


def _wrong(request: Request, settings: Settings, outcome: Result, left: str) -> str:
    if outcome.failures:
        return f"failures {outcome.failures}"
    if len(outcome.findings) != len(outcome.operations):
        return "not one finding for each operation"
    if request.object is None or outcome.object is None or not outcome.operations:
        return "" if left == text(request.object) else "the object changed without an operation"
    if text(json_patch.applied(request.object, outcome.operations)) != left:
        return "the patch does not give the object"
    if _is_refused(request, outcome.object):
        return ""
    on = [each for each in DECLARED if settings.enables(each.rule, default=RULES[each.rule].default)]
    return "; ".join(breaches(request.kind, request.object, outcome.object, on))


def _is_refused(request: Request, obj: Object) -> bool:
    """Check whether the API server rejects an UPDATE whatever the answer: it changes an immutable template."""
    stored = request.kind in ("Pod", "Job.batch", "JobSet.jobset.x-k8s.io") and request.old
    contexts = [at for pod in scopes(request.kind, obj) for at in (pod.context, *(own for _, own in pod.containers))]
    if request.subresource == "ephemeralcontainers":  # these may be new, and nothing else
        contexts = [at for at in contexts if "ephemeralContainers" not in at]
    return bool(stored) and any(found(obj, at) != found(request.old, at) for at in contexts)


def text(obj: Object | None) -> str:
    """Write a value so that two are the same text only when they are equal, down to the type of a number."""
    return json.dumps(obj, sort_keys=True)


def run(seed: int, cases: int, processes: int, *, quiet: bool = False) -> Seen:
    """Run the cases of a seed in several processes."""
    seen = Seen()
    for part in spread(checked, seed, cases, processes, quiet=quiet):
        seen.add(part)
    return seen


def measure(seed: int, cases: int) -> Measured:
    """Return the figures of so many cases, and those that failed."""
    seen = run(seed, cases, os.cpu_count() or 1)
    return seen.figures(), [f"case {own}: {why}" for own, why in seen.failed]
