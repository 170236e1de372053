"""What the most expensive objects cost: counted bounds hold, and time stays within what a tenant may cost others."""

import random

import pytest

from tests.properties.worst import climb
from tests.support import costs, expensive
from tests.support.samples import created, deployment
from webhook.admission import bounds
from webhook.admission.engine import evaluate
from webhook.admission.review import MOST_VALUES
from webhook.objects.model import Object, Request
from webhook.settings.model import Settings
from webhook.workloads.pod import SKIP_ANNOTATION

BRIEF, LARGE = 0.1, 1.0
"""Seconds of CPU that a body of 32 KiB, and the largest, may cost where `costs.loop` takes 0.1."""

SMALL = {name: expensive.grown(name, expensive.BRIEF) for name in expensive.SHAPES}


def costs_at_most(limit: float, body: bytes) -> bool:
    """Measure up to three times: another process may have taken the caches, but nothing makes work less."""
    return any(costs.seconds(body) / costs.loop() * 0.1 <= limit for _ in range(3))


@pytest.mark.parametrize("name", SMALL)
def test_a_body_of_32_kib_costs_at_most_100_ms(name: str) -> None:
    assert len(SMALL[name]) <= expensive.BRIEF
    assert costs_at_most(BRIEF, SMALL[name])


@pytest.mark.parametrize("name", expensive.SHAPES)
def test_a_body_of_any_size_costs_at_most_a_second(name: str) -> None:
    body = expensive.largest(name)
    assert costs.values(body) <= MOST_VALUES
    assert costs_at_most(LARGE, body)
    assert costs_at_most(LARGE, expensive.grown(name, 2**17))


def test_a_short_search_finds_nothing_that_costs_more() -> None:
    """`python -m tests.properties worst` searches longer, and for large bodies too."""
    worst = climb(random.Random(1), expensive.BRIEF, lambda tried: tried < 80)
    assert len(worst) > 10
    assert costs_at_most(BRIEF, worst[0].body())


def containers(count: int) -> Object:
    made = deployment()
    spec = made["spec"]["template"]["spec"]
    spec["containers"] *= count
    return made


def test_an_object_of_too_many_containers_is_left_alone_and_that_is_said() -> None:
    most = bounds.MOST_PLACES - 1  # and the pod
    assert evaluate(created(containers(most)), Settings()).rules() == ["fs-group", "run-as-user"]
    for new, old in ((containers(most + 1), None), (containers(1), containers(most + 1))):
        outcome = evaluate(Request("Deployment.apps", "UPDATE" if old else "CREATE", new, old), Settings())
        assert outcome.object is new
        assert outcome.operations == []
        assert outcome.warnings == ["left alone: the object has more than 1,000 pods and containers"]


def test_parts_of_pods_count_and_so_do_pods_within_pods() -> None:
    workflow = costs.of("Workflow.argoproj.io", {"templates": [{}] * bounds.MOST_PLACES})
    job = costs.of("Job.batch", containers(bounds.MOST_PLACES)["spec"])
    experiment = costs.of("Experiment.kubeflow.org", {"trialTemplate": {"trialSpec": job}})
    for kind, obj in (("Workflow.argoproj.io", workflow), ("Experiment.kubeflow.org", experiment)):
        outcome = evaluate(Request(kind, "CREATE", obj), Settings())
        assert outcome.warnings == ["left alone: the object has more than 1,000 pods and containers"]


def test_a_patch_that_repeats_a_long_key_is_not_made() -> None:
    """A review of 3.7 MB caused a patch of more than a gigabyte."""
    name = "a long key"
    obj, _ = expensive.SHAPES[name](2**17)
    outcome = evaluate(Request("SeldonDeployment.machinelearning.seldon.io", "CREATE", obj), Settings())
    assert outcome.object is obj
    assert outcome.warnings == ["left alone: the object needs a patch of more than 2,097,152 characters"]


def test_warnings_quote_little_of_a_long_key() -> None:
    """A review of 3.7 MB made 3.3 GB of warnings."""
    specs = [{"spec": {"containers": 1}}] * 900
    obj = costs.of(
        "SeldonDeployment.machinelearning.seldon.io", {"predictors": {"k" * 2**20: {"componentSpecs": specs}}}
    )
    outcome = evaluate(Request("SeldonDeployment.machinelearning.seldon.io", "CREATE", obj), Settings())
    assert len(outcome.warnings) == 900
    assert sum(map(len, outcome.warnings)) < 900 * 500


def test_an_object_that_needs_too_many_changes_is_left_alone_and_that_is_said() -> None:
    variable = {"name": "ENGINE_CONTAINER_USER", "value": "8888"}
    made = containers(bounds.MOST_CHANGES // 1000 + 1)
    for container in made["spec"]["template"]["spec"]["containers"]:
        container |= {"image": "seldon-core-operator", "env": [variable] * 1000}
    outcome = evaluate(created(made), Settings())
    assert outcome.object is made
    assert outcome.operations == []
    assert outcome.warnings == ["left alone: the object needs more than 10,000 changes"]


def annotated(value: str) -> list[str]:
    made = deployment()
    made["metadata"]["annotations"] = {SKIP_ANNOTATION: value}
    outcome = evaluate(created(made), Settings())
    return [*outcome.rules(), *outcome.warnings]


def test_of_the_annotation_1024_characters_count() -> None:
    filler = "fs-group," * 200
    fits = filler[: bounds.LONGEST_ANNOTATION - 11]
    longer = "annotation kubeflow-openshift/rules: only the first 1,024 characters count; shorten it"
    assert annotated(f"{fits[: fits.rindex(',')]},run-as-user".ljust(bounds.LONGEST_ANNOTATION)) == []
    assert annotated(f"{filler}run-as-user") == ["run-as-user", longer]
    assert annotated(" " * (bounds.LONGEST_ANNOTATION - 4) + "nonesuch") == ["fs-group", "run-as-user", longer]


def test_unknown_names_are_one_warning() -> None:
    assert annotated("e,d,c,b,a,fs-group") == [
        "run-as-user",
        "annotation kubeflow-openshift/rules names no rule: a, b, c, d, ...; see the command `rules`",
    ]
