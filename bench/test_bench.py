"""The benches can run, compare like with like, and hold what they claim, as far as a busy machine can tell."""

import importlib
import json
import pkgutil
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bench
from bench import start
from bench.chart import Group, bars
from bench.figures import ratios, spread
from bench.objects import NAME, NAMESPACE, created, measured_review, pod, stateful_set
from bench.policy import policy
from tests.support.server import review as review_of
from webhook.admission import engine, review
from webhook.objects import patch
from webhook.objects.model import Object, Request
from webhook.settings.model import Settings

PEERS = Path(bench.__file__).parent / "peers"
FACTOR = 3.2
"""Twice the object may take this many times as long: 2 is linear, 4 quadratic, the rest is for a busy machine."""


def test_every_bench_can_be_imported() -> None:
    names = [module.name for module in pkgutil.iter_modules(bench.__path__)]
    assert {"direct", "apiserver", "start"} <= {*names}
    for name in names:
        importlib.import_module(f"bench.{name}")


@pytest.mark.skipif(not shutil.which("gofmt"), reason="the peers are written in Go, which is not here")
def test_what_is_written_in_go_is_formatted() -> None:
    sources = sorted(map(str, PEERS.rglob("*.go")))
    assert len(sources) == 4
    unformatted = subprocess.run(["gofmt", "-l", *sources], capture_output=True, text=True, check=True)
    assert unformatted.stdout == ""


def variations() -> list[Object]:
    """Return objects on which the peer must agree with the rules: the measured ones, and their neighbours."""
    objects = [stateful_set(), pod()]
    for context in (
        {},
        {"fsGroup": 1000, "runAsUser": 65532, "runAsGroup": 65532},
        {"fsGroup": 1000650000, "runAsUser": 1000650000, "runAsNonRoot": True},
        {"runAsUser": 999, "runAsNonRoot": True, "runAsGroup": 0},
    ):
        objects.append(stateful_set())
        objects[-1]["spec"]["template"]["spec"]["securityContext"] = context
    return objects


@pytest.mark.skipif(not shutil.which("go"), reason="the peer is written in Go, which is not here")
def test_the_peer_makes_the_same_objects() -> None:
    program = ["go", "run", "-buildvcs=false", "./stdin"]
    text = "\n".join(map(json.dumps, variations()))
    done = subprocess.run(
        program, cwd=PEERS / "rewrite", input=text, capture_output=True, text=True, check=True, timeout=120
    )
    theirs = list(map(json.loads, done.stdout.splitlines()))
    for obj, their in zip(variations(), theirs, strict=True):
        kind = "Pod" if obj["kind"] == "Pod" else "StatefulSet.apps"
        ours = engine.evaluate(Request(kind, "CREATE", obj, None, "team"), Settings()).object
        assert patch.json_equal(ours, their), (ours, their)


def test_the_measured_review_is_a_usual_one_and_is_changed() -> None:
    body = measured_review()
    assert 3500 < len(body) < 4600
    outcome = engine.evaluate(review.decode(body), Settings())
    assert outcome.rules() == ["fs-group", "run-as-group", "run-as-user"]
    assert "name" not in created(pod(), "elsewhere")["metadata"]


def test_the_policy_removes_what_the_measured_objects_have() -> None:
    (made, binding) = policy("p", "n", "apps", "statefulsets", "spec.template.spec")
    expression = made["spec"]["mutations"][0]["jsonPatch"]["expression"]
    assert all(field in expression for field in ("fsGroup", "runAsUser", "runAsGroup", "runAsNonRoot"))
    assert binding["spec"]["policyName"] == made["metadata"]["name"]


def larger(containers: int, annotations: int) -> bytes:
    """Return the review of a StatefulSet with so many containers, all of which change, and so many annotations."""
    obj = stateful_set()
    spec = obj["spec"]["template"]["spec"]
    spec["containers"] = [{**spec["containers"][0], "name": f"c{number}"} for number in range(containers)]
    obj["metadata"]["annotations"] = {f"example.com/{number}": "x" * 96 for number in range(annotations)}
    return review_of(Request("StatefulSet.apps", "CREATE", obj, None, NAMESPACE, NAME, uid="larger"))


def milliseconds(body: bytes) -> float:
    """Return the processor time of one review, bytes to bytes: the least of three, because disturbance only adds."""
    found = []
    for _ in range(3):
        start = time.process_time()
        request = review.decode(body)
        review.respond(request, engine.evaluate(request, Settings()))
        found.append((time.process_time() - start) * 1000)
    return min(found)


@pytest.mark.parametrize(("containers", "annotations"), [(150, 0), (1, 2500)], ids=["containers", "bytes"])
def test_the_cost_of_a_review_grows_as_the_object_does(containers: int, annotations: int) -> None:
    once, twice = larger(containers, annotations), larger(2 * containers, 2 * annotations)
    seen = [milliseconds(twice) / milliseconds(once) for _ in range(3)]
    assert min(seen) < FACTOR, seen


def test_the_first_answer_comes_soon_after_the_start() -> None:
    seen = [start.first_answer()]
    while min(seen) >= 1.5 and len(seen) < 3:  # it takes half of that on a quiet machine
        seen.append(start.first_answer())
    assert min(seen) < 1.5, seen


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from Linux's /proc")
def test_a_serving_pod_is_small() -> None:
    for when, mib in start.memory().items():
        assert 10 < mib["pss"] < 120, (when, mib)


def test_the_server_imports_no_client_of_the_api_and_no_tables() -> None:
    program = (
        "import sys; from webhook.cli.main import main; from webhook.server import gunicorn_app; "
        "gunicorn_app.serve = lambda listen, load: load(None) and print(*sorted(sys.modules)); "
        "main(['serve'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert {"webhook", "gunicorn", "prometheus_client"} <= loaded
    assert not {"kubernetes", "rich", "hypothesis"} & loaded


def test_figures_are_spreads_of_rounds_compared_pair_by_pair() -> None:
    assert spread([3, 1, 2, 10]) == {"min": 1, "median": statistics.median([1, 2, 3, 10]), "max": 10}
    assert ratios([1, 4], [2, 4]) == {"min": 0.5, "median": 0.75, "max": 1}


def test_a_chart_has_a_bar_for_every_figure() -> None:
    drawn = bars("t", [Group("g <1>", [("one", spread([1, 2])), ("theirs", spread([4]))])])
    assert drawn.count('height="16"') == 2
    assert "g &lt;1&gt;" in drawn
