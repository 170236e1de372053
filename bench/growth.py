"""How the cost of a review grows: with containers, with bytes, with changes. `python -m bench.growth`.

The whole of it, bytes to bytes: decode, evaluate with the self-check, respond. Processor time, so that others at work
on the machine disturb little; the least of several, since what disturbs only adds.
"""

import copy
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from bench import evidence
from bench.chart import Curve, lines
from bench.figures import busy
from bench.objects import NAME, NAMESPACE, stateful_set
from tests.support.server import review as review_of
from webhook.admission import engine, review
from webhook.objects.model import Object, Request
from webhook.settings.model import Settings

REPEATS: Final = 5
SETTINGS: Final = Settings()


def with_containers(count: int) -> bytes:
    """Write the review of a StatefulSet with so many containers, all of which are to be changed."""
    return _review(count, count)


def with_bytes(size: int) -> bytes:
    """Write a review of about so many bytes, most of them in annotations that nobody looks at."""
    obj = stateful_set()
    while (short := size - len(review_of(_request(obj)))) > 0:
        annotations = obj["metadata"].setdefault("annotations", {})
        many = max(short // 128, 1)
        annotations.update({f"example.com/{len(annotations) + n}": "x" * 96 for n in range(many)})
    return review_of(_request(obj))


def with_changes(count: int) -> bytes:
    """Write the review of a StatefulSet with 100 containers, of which so many are to be changed."""
    return _review(100, count)


SERIES: Final[dict[str, tuple[Callable[[int], bytes], Sequence[int]]]] = {
    "containers": (with_containers, (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
    "bytes": (with_bytes, (5_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)),
    "containers changed of 100": (with_changes, (1, 2, 5, 10, 20, 50, 100)),
}


def _review(containers: int, changed: int) -> bytes:
    obj = stateful_set()
    spec = obj["spec"]["template"]["spec"]
    (one,) = spec["containers"]
    del spec["initContainers"]
    spec["containers"] = [{**copy.deepcopy(one), "name": f"c{number}"} for number in range(containers)]
    for container in spec["containers"][changed:]:
        container["securityContext"] = {"allowPrivilegeEscalation": False}
    return review_of(_request(obj))


def _request(obj: Object) -> Request:
    return Request("StatefulSet.apps", "CREATE", obj, None, NAMESPACE, NAME, uid="growth")


def milliseconds(body: bytes, repeats: int = REPEATS) -> float:
    """Return the processor time of one review."""
    turns = max(1, 20_000 // len(body))  # short ones together, for the clock's sake
    found = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(turns):
            request = review.decode(body)
            review.respond(request, engine.evaluate(request, SETTINGS))
        found.append((time.process_time() - start) / turns * 1000)
    return min(found)


def measure() -> dict[str, Any]:
    """Return the milliseconds of every point of every series."""
    return {
        name: {str(count): round(milliseconds(make(count)), 3) for count in counts}
        for name, (make, counts) in SERIES.items()
    }


def chart(figures: dict[str, Any]) -> str:
    """Draw the series; each is a line of slope one where cost grows as the object does."""
    curves = [Curve(name, [(float(x), y) for x, y in figures[name].items()]) for name in SERIES if name != "bytes"]
    curves.append(Curve("kilobytes", [(float(x) / 1000, y) for x, y in figures["bytes"].items()]))
    return lines("Cost of one review", "how many (logarithmic)", "milliseconds of one core", curves)


def main() -> int:
    """Measure, print, and write docs/evidence/growth.json and .svg."""
    started, load = time.time(), busy()
    figures = measure()
    path = evidence.write("growth", "python -m bench.growth", started, {**figures, "load_per_core": load})
    path.with_suffix(".svg").write_text(chart(figures))
    for name in SERIES:
        print(name, *(f"{count}: {seen} ms" for count, seen in figures[name].items()), sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
