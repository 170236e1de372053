"""The model agrees with OpenShift's own code on random pods: every verdict in every word, who admits, and as what.

`make agreement PODS=50000` compares more pods, with another seed each time.
"""

import random
import re
from collections import Counter
from typing import Any

import pytest

from tests.properties import random_pods, random_sccs
from tests.rig.oracle import ask
from webhook.scc import ranges
from webhook.scc.admission import judge
from webhook.scc.defaults import SCCS

pytestmark = pytest.mark.timeout(3000)

Object = dict[str, Any]
SETS = {
    "restricted-v2": ["restricted-v2"],
    "restricted": ["restricted"],
    "restricted-v2 and anyuid": ["restricted-v2", "anyuid"],
    "restricted-v3": ["restricted-v3"],
    "restricted-v2 and restricted-v3": ["restricted-v2", "restricted-v3"],
    "all defaults": list(SCCS),
}
NAMESPACE = {
    "name": "demo",
    "annotations": {
        ranges.UID_RANGE: "1000650000/10000",
        ranges.GROUPS: "1000650000/10000",
        ranges.LEVEL: "s0:c26,c5",
    },
}


def effect(pod: Object | None) -> Any:
    """Return what SCC decides of a pod, without what Go leaves out when it is empty."""
    if pod is None:
        return None
    spec = pod["spec"]
    containers = [c for group in ("initContainers", "containers", "ephemeralContainers") for c in spec.get(group) or ()]
    return (
        spec.get("hostUsers"),
        shown(spec.get("securityContext")),
        [(container["name"], shown(container.get("securityContext"))) for container in containers],
        pod["metadata"]["annotations"]["openshift.io/scc"],
    )


def shown(context: Object | None) -> Object:
    values = {key: shown(value) if isinstance(value, dict) else value for key, value in (context or {}).items()}
    return {key: value for key, value in values.items() if key != "procMount" and value not in (None, "", [])}


def compare(requests: list[Object], answers: list[Object]) -> Counter[str]:
    """Hold the model against every answer; return how often each kind of refusal was seen."""
    kinds: Counter[str] = Counter()
    remaining = iter(answers)
    for request in requests:
        of_namespace = ranges.of_namespace({"metadata": {"annotations": request["namespace"]["annotations"]}})
        for pod in request["pods"]:
            answer, verdict = next(remaining), judge(pod, request["sccs"], of_namespace)
            assert verdict.refusals == answer["verdicts"], pod
            assert verdict.admitted_by == answer["admittedBy"], pod
            assert effect(verdict.pod) == effect(answer.get("pod")), pod
            kinds.update(kind(refusal) for refusals in answer["verdicts"].values() for refusal in refusals)
    assert next(remaining, None) is None
    return kinds


def kind(refusal: str) -> str:
    """Reduce a refusal to its kind: without names, values and numbers."""
    return re.sub(r"(Invalid value: ).*?(: \D)", r"\1X\2", re.sub(r"\d+", "N", re.sub(r"provider \S+: ", "", refusal)))


@pytest.mark.parametrize("name", SETS)
def test_the_default_sccs(name: str, seed: int, pods: int, rig: None) -> None:
    dice = random.Random(seed)
    several = [random_pods.pod(dice, 1_000_650_000, "s0:c26,c5") for _ in range(pods // len(SETS))]
    requests = [{"namespace": NAMESPACE, "sccs": [SCCS[scc] for scc in SETS[name]], "pods": several}]
    kinds = compare(requests, ask(requests))
    print(f"{name}: {len(several)} pods agree; {len(kinds)} kinds of refusal seen")
    assert len(kinds) > 10


def test_any_sccs_in_any_namespace(seed: int, pods: int, rig: None) -> None:
    dice, requests = random.Random(seed), []
    for _ in range(pods // 100):
        namespace = random_sccs.namespace(dice)
        first = ranges.parse_range(namespace["annotations"][ranges.UID_RANGE])[0]
        own: list[Any] = [random_sccs.scc(dice, number, first) for number in range(dice.randrange(1, 4))]
        own += [SCCS[dice.choice(list(SCCS))] for _ in range(dice.randrange(2))]
        several = [random_pods.pod(dice, first, namespace["annotations"][ranges.LEVEL]) for _ in range(20)]
        requests.append({"namespace": namespace, "sccs": own, "pods": several})
    kinds = compare(requests, ask(requests))
    print(f"any SCCs: {20 * len(requests)} pods agree; {len(kinds)} kinds of refusal seen")
    assert len(kinds) > 50
