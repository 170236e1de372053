"""Measure match conditions: `python -m bench.conditions`. Needs the rig, and upstream's manifests.

Of random objects, whether the API server sends what the engine changes or warns of (docs/evidence/conditions.json);
of installing Kubeflow 26.03, how many reviews it sends with conditions and without (docs/evidence/reviews-sent.json).
"""

import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from bench import evidence
from tests import sent, sent_objects, upstream
from tests.installed import deployed, install
from tests.rig.cluster import Cluster, running
from tests.server import Server, serving
from webhook.model import Object
from webhook.scc import ranges

COMMAND = "python -m bench.conditions"
OBJECTS, SEED = 5000, 26
ALONE = 400
"""Objects that one client sends, one after the other, while the API server measures itself."""
RELEASE = "kubeflow-26.03"
HISTOGRAM = "apiserver_admission_match_condition_evaluation_seconds"


def agreement(folder: Path) -> dict[str, Any]:
    """Ask of random objects whether they are sent, and hold that against the engine."""
    with running(folder) as cluster:
        sent.prepare(cluster)
        annotations = cluster.request("GET", f"/api/v1/namespaces/{sent.NAMESPACE}").body["metadata"]["annotations"]
        first = int(annotations[ranges.UID_RANGE].partition("/")[0])
        made = sent_objects.objects(random.Random(SEED), OBJECTS, first, annotations[ranges.LEVEL])
        with sent.recording(cluster, deployed(), folder) as reviews:
            for obj, _ in made[:ALONE]:
                sent.see(cluster, reviews, obj)
            evaluation = _evaluation(cluster)
            reviews.clear()
            seen = sent.see_all(cluster, reviews, [obj for obj, _ in made])
            verdicts = Counter(sent.verdict(each, odd=odd) for each, (_, odd) in zip(seen, made, strict=True))
    assert not verdicts.keys() & set(sent.BAD), verdicts
    supersets = {name: reason for name, (reason, _) in sent.SUPERSETS.items()}
    return {
        "seed": SEED,
        "objects": OBJECTS,
        **dict(verdicts.most_common()),
        "evaluation": evaluation,
        "why": supersets,
    }


def _evaluation(cluster: Cluster) -> dict[str, Any]:
    """Return how long the API server says that the conditions of one entry took, of an object that it does not send."""
    text = cluster.request("GET", "/metrics").body["message"]
    seconds = sum(map(float, re.findall(rf"^{HISTOGRAM}_sum{{.*}} (\S+)$", text, re.MULTILINE)))
    counts = re.findall(rf"^{HISTOGRAM}_bucket{{.*le=\"([^\"]+)\"}} (\S+)$", text, re.MULTILINE)
    buckets: Counter[str] = Counter()
    for limit, count in counts:
        buckets[limit] += int(count)
    return {
        "histogram": HISTOGRAM,
        "mean_ms": round(seconds / buckets["+Inf"] * 1000, 3),
        "at_most_seconds": dict(buckets),
    }


def reviews(folder: Path, *, with_conditions: bool) -> list[Object]:
    """Install Kubeflow with us there, and return what our log says of each review."""
    configuration = deployed()
    for entry in configuration["webhooks"]:
        if not with_conditions:
            del entry["matchConditions"]
    with _webhook() as server, running(folder) as cluster:
        install(cluster, server, configuration)
        before = len(server.reviews())
        objects = upstream.read(upstream.FOLDER / RELEASE)
        everything = [*upstream.missing_namespaces(cluster, objects), *objects]
        upstream.apply(cluster, everything, "--server-side", "--force-conflicts", "--validate=false")
        installed = upstream.judge(cluster, objects)
        assert not installed.refused, installed.refused
        return server.reviews()[before:]


def _webhook() -> AbstractContextManager[Server]:
    host = "127." + ".".join(str(random.SystemRandom().randint(1, 254)) for _ in range(3))
    return serving(host=host, port=8443)


def counted(lines: list[Object], why: dict[tuple[str, str], str]) -> dict[str, Any]:
    """Return how many reviews there were, and of what."""
    reasons = Counter(
        "changed or warned of" if line["rules"] else why.get((line["kind"], line["name"]), "needs nothing")
        for line in lines
    )
    kinds = Counter(f"{line['operation']} {line['kind']}" for line in lines)
    return {"reviews": len(lines), "objects": reasons.most_common(), "kinds": dict(kinds.most_common())}


def main() -> int:
    """Measure, print and write both."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.time()
        figures = agreement(Path(folder, "agreement"))
        print(json.dumps(figures, indent=2))
        evidence.write("conditions", COMMAND, started, figures)
        return compare_reviews(Path(folder))


def compare_reviews(folder: Path) -> int:
    """Install with conditions and without; return 1 where a review was sent that nothing explains."""
    started, why = time.time(), sent.needed(upstream.read(upstream.FOLDER / RELEASE))
    both = {each: counted(reviews(folder / each, with_conditions=each == "with"), why) for each in ("with", "without")}
    print(json.dumps(both, indent=2))
    evidence.write("reviews-sent", COMMAND, started, {"release": RELEASE, **both})
    return int("needs nothing" in dict(both["with"]["objects"]))


if __name__ == "__main__":
    sys.exit(main())
