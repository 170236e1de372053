"""The API server sends what a rule would change or warn of, and nothing else; where it sends more, sent.py says why."""

import dataclasses
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import cases, sent, sent_objects, upstream
from tests.installed import deployed
from tests.rig.cluster import Cluster, running
from webhook.conditions import MOST
from webhook.model import Object
from webhook.registration import configuration
from webhook.rules import RULES
from webhook.scc import ranges
from webhook.workload import KINDS, kind_of

pytestmark = pytest.mark.rig

RANDOM_OBJECTS = 1500
"""bench.conditions asks of 5,000."""
RELEASES = ("kubeflow-26.03", "kubeflow-0.7-served")
UNKNOWN_TO_CONDITIONS = ("allocated", "images", "accounts")
"""Settings of which conditions know the default only: see conditions.py."""
ERRORS = "apiserver_admission_match_condition_evaluation_errors_total"


@pytest.fixture(scope="module")
def cluster(rig: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a cluster that serves every kind and does not know us."""
    with running(tmp_path_factory.mktemp("rig")) as fresh:
        sent.prepare(fresh)
        yield fresh


@pytest.fixture(scope="module")
def conditions(cluster: Cluster) -> Iterator[sent.Reviews]:
    """Register a recorder as deploy/ has us."""
    with sent.recording(cluster, deployed(), cluster.directory) as reviews:
        yield reviews


def plain(obj: Object) -> Object:
    """Return an object as our namespace can have it."""
    metadata = {key: obj["metadata"][key] for key in ("name", "labels", "annotations") if obj["metadata"].get(key)}
    return {**obj, "metadata": metadata}


def bad(verdicts: Counter[str]) -> dict[str, int]:
    return {verdict: count for verdict, count in verdicts.items() if verdict in sent.BAD}


def random_ones(cluster: Cluster, seed: int, count: int) -> tuple[list[Object], list[bool]]:
    annotations = cluster.request("GET", f"/api/v1/namespaces/{sent.NAMESPACE}").body["metadata"]["annotations"]
    first = int(annotations[ranges.UID_RANGE].partition("/")[0])
    made = sent_objects.objects(random.Random(seed), count, first, annotations[ranges.LEVEL])
    return [obj for obj, _ in made], [odd for _, odd in made]


def test_of_the_fixtures_those_are_sent_that_are_changed_or_warned_of(
    cluster: Cluster, conditions: sent.Reviews
) -> None:
    counted: Counter[str] = Counter()
    for case in cases.all_cases():
        text = case.settings_file.read_text() if case.settings_file else ""
        if not any(word in text for word in UNKNOWN_TO_CONDITIONS):
            obj = plain(case.document().value)
            obj["metadata"].setdefault("name", case.folder.name)
            conditions.clear()
            verdict = sent.verdict(sent.see(cluster, conditions, obj), case.settings())
            assert verdict not in sent.BAD, case.id
            counted[verdict] += 1
    print(counted)
    assert min(counted["sent"], counted["not sent"]) > 20


@pytest.mark.parametrize("release", RELEASES)
def test_of_a_release_those_are_sent_that_are_changed_or_warned_of(
    cluster: Cluster, conditions: sent.Reviews, release: str
) -> None:
    if not (upstream.FOLDER / release).is_dir():
        pytest.skip(f"UPSTREAM_MANIFESTS has no {release}")
    known = [
        obj for obj in upstream.read(upstream.FOLDER / release) if kind_of(obj["apiVersion"], obj["kind"]) in KINDS
    ]
    conditions.clear()
    different = {(obj["kind"], obj["metadata"]["name"]): plain(obj) for obj in known}
    seen = sent.see_all(cluster, conditions, different.values())
    counted = Counter(sent.verdict(each) for each in seen)
    print(release, counted)
    assert bad(counted) == {}
    assert min(counted["sent"], counted["not sent"]) > 20


def test_of_random_objects_those_are_sent_that_are_changed_or_warned_of(
    cluster: Cluster, conditions: sent.Reviews, seed: int
) -> None:
    objects, odd = random_ones(cluster, seed, RANDOM_OBJECTS)
    conditions.clear()
    seen = sent.see_all(cluster, conditions, objects)
    counted = Counter(sent.verdict(each, odd=is_odd) for each, is_odd in zip(seen, odd, strict=True))
    assert bad(counted) == {}
    assert min(counted["sent"], counted["not sent"]) > RANDOM_OBJECTS / 4
    assert ERRORS not in cluster.request("GET", "/metrics").body["message"]


def test_the_largest_objects_are_within_the_budget_of_evaluation(cluster: Cluster, conditions: sent.Reviews) -> None:
    """An expression that costs too much fails, and refuses the object."""
    container = {
        "name": "c",
        "image": "i",
        "env": [{"name": "E", "value": "v"}] * 5,
        "ports": [{"containerPort": 8080}],
    }
    rule = {"apiGroups": ["apps"], "resources": [f"r{n}" for n in range(40)], "verbs": ["create"]}
    roles = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    workflows = {"apiVersion": "argoproj.io/v1", "kind": "Workflow"}

    def asked(number: int, **obj: Any) -> tuple[int | None, str]:
        seen = sent.see(cluster, conditions, {"apiVersion": "v1", "metadata": {"name": f"large{number}"}, **obj})
        return seen.sent, seen.why[-100:]

    def pods(number: int) -> Object:
        return {"spec": {"containers": [{**container, "name": f"c{each}"} for each in range(number)]}}

    def templates(number: int) -> Object:
        return {"templates": [{"name": f"t{each}", "sidecars": [container] * MOST} for each in range(number)]}

    assert asked(1, kind="PodTemplate", template=pods(MOST)) == (0, "")
    assert asked(2, kind="PodTemplate", template=pods(1000)) == (1, "")
    assert asked(3, **workflows, spec=templates(MOST - 1)) == (0, "")
    assert asked(4, **workflows, spec=templates(200)) == (1, "")
    assert asked(5, **roles, rules=[rule] * 100) == (0, "")
    assert asked(6, **roles, rules=[rule] * 1000) == (1, "")


@pytest.mark.parametrize(
    ("rule", "condition", "verdict"),
    [("fs-group", "false", "missed"), ("finalizers", "true", "superset: unexplained")],
)
def test_a_condition_that_says_too_little_or_too_much_is_seen(
    cluster: Cluster, tmp_path: Path, rule: str, condition: str, verdict: str
) -> None:
    rules = [dataclasses.replace(each, condition=condition) if each.id == rule else each for each in RULES.values()]
    objects = [plain(case.document().value) for case in cases.all_cases() if case.folder.parent.name == rule]
    for number, obj in enumerate(objects):
        obj["metadata"]["name"] = f"o{number}"
    with sent.recording(cluster, configuration(rules), tmp_path, name="other") as reviews:
        seen = sent.see_all(cluster, reviews, objects)
    assert verdict in {sent.verdict(each) for each in seen}
