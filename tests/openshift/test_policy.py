"""The policy for bare Pods does what the engine does, and OpenShift admits what it makes."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.properties.random_objects import FIRST, LEVEL, fresh, furnish
from tests.properties.random_pods import pod as random_pod
from tests.rig.cluster import Cluster, Mode, running, wait
from tests.support.installed import OPTED_IN, namespace
from webhook.admission.engine import evaluate
from webhook.objects.model import Object, Request
from webhook.registration.policy import policy
from webhook.rules import RULES
from webhook.scc import ranges
from webhook.settings.model import Settings
from webhook.workloads.find import find_pod_specs, view_pod
from webhook.workloads.identity import any_left
from webhook.workloads.pod import IDS

pytestmark = pytest.mark.timeout(1800)

API = "/apis/admissionregistration.k8s.io/v1beta1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
SWITCHED_ON = (
    "--feature-gates=MutatingAdmissionPolicy=true",
    "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
)
MAKER = "jane"
"""Somebody who may create pods, and use no SCC but those of everyone."""

ONLY_IDENTITY = Settings(
    allocated=range(FIRST, FIRST + 10_000),
    rules={rule: rule in ("fs-group", "run-as-user", "run-as-group") for rule in RULES},
)
COMPARED = (*IDS, "runAsNonRoot")


def with_policy(directory: Path, mode: Mode) -> Iterator[Cluster]:
    with running(directory, mode=mode, apiserver_args=SWITCHED_ON) as cluster:
        kubeflow, binding = policy(Settings(), "1.34")
        kubeflow["spec"]["failurePolicy"] = "Fail"  # an expression that fails must not be missed
        cluster.make(f"{API}/mutatingadmissionpolicies", kubeflow)
        cluster.make(f"{API}/mutatingadmissionpolicybindings", binding)
        rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}
        cluster.make(f"{RBAC}/clusterroles", {"metadata": {"name": "make-pods"}, "rules": [rule]})
        bind(cluster, "make-pods", {"kind": "User", "name": MAKER, "apiGroup": "rbac.authorization.k8s.io"})
        namespace(cluster, "team", **OPTED_IN)
        namespace(cluster, "plain")
        yield cluster


@pytest.fixture(scope="module")
def openshift(rig: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    yield from with_policy(tmp_path_factory.mktemp("policy"), "scc")


@pytest.fixture(scope="module")
def without_scc(rig: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    yield from with_policy(tmp_path_factory.mktemp("policy-alone"), "without-scc")


def bind(cluster: Cluster, role: str, subject: dict[str, str]) -> None:
    name = f"{role.replace(':', '-')}-{subject['name']}"
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    cluster.make(
        f"{RBAC}/clusterrolebindings", {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
    )


def create(cluster: Cluster, pod: Object, where: str = "team") -> tuple[int, Object]:
    answer = cluster.request("POST", f"/api/v1/namespaces/{where}/pods?dryRun=All", pod, user=MAKER)
    return answer.status, answer.body


def left_by_engine(pod: Object) -> bool:
    """Check whether the engine keeps the IDs because OpenShift rejects the pod whatever they are."""
    request = Request("Pod", "CREATE", pod, namespace="known")
    views = (view_pod(request, at, shape, ONLY_IDENTITY) for at, shape in find_pod_specs(pod, "Pod"))
    return any(view is None or any_left(view) for view in views)


def identity(pod: Object) -> list[dict[str, Any]]:
    """Return the IDs and runAsNonRoot of a pod and of each of its containers."""
    spec = pod["spec"]
    holders = (spec, *(container for key in ("initContainers", "containers") for container in spec.get(key, ())))
    contexts = (holder.get("securityContext") or {} for holder in holders)
    return [{key: context[key] for key in COMPARED if context.get(key) is not None} for context in contexts]


def bare(**spec: Any) -> Object:
    container = {"name": "main", "image": "i", "securityContext": {"runAsUser": 999, "runAsGroup": 100}}
    return {"metadata": {"name": "p"}, "spec": {"securityContext": {"fsGroup": 100}, "containers": [container], **spec}}


def test_a_bare_pod_with_foreign_ids_is_admitted_by_restricted_v2(openshift: Cluster) -> None:
    assert create(openshift, bare(), "plain")[0] == 403
    wait(lambda: create(openshift, bare())[0] == 201, "admission of the bare Pod")
    admitted = create(openshift, bare())[1]
    assert admitted["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"
    assert admitted["spec"]["containers"][0]["securityContext"]["runAsUser"] >= 1_000_000_000
    assert "runAsGroup" not in admitted["spec"]["containers"][0]["securityContext"]


def test_a_pod_whose_account_was_granted_more_keeps_its_ids(openshift: Cluster) -> None:
    wait(lambda: create(openshift, bare())[0] == 201, "the policy")
    openshift.make("/api/v1/namespaces/team/serviceaccounts", {"metadata": {"name": "granted"}})
    account = {"kind": "ServiceAccount", "name": "granted", "namespace": "team"}
    bind(openshift, "system:openshift:scc:anyuid", account)
    pod = bare(serviceAccountName="granted")
    wait(lambda: create(openshift, pod)[0] == 201, "grant")
    admitted = create(openshift, pod)[1]
    assert admitted["metadata"]["annotations"]["openshift.io/scc"] == "anyuid"
    assert admitted["spec"]["securityContext"]["fsGroup"] == 100
    assert admitted["spec"]["containers"][0]["securityContext"]["runAsUser"] == 999


@pytest.mark.parametrize(
    ("annotation", "status"),
    [
        ({"kubeflow-openshift/rules": "none"}, 403),
        ({"openshift.io/required-scc": "anyuid"}, 403),
        ({"openshift.io/required-scc": "restricted-v2"}, 201),
    ],
)
def test_a_pod_that_opts_out_or_requires_another_scc_is_left_alone(
    openshift: Cluster, annotation: dict[str, str], status: int
) -> None:
    wait(lambda: create(openshift, bare())[0] == 201, "the policy")
    pod = bare()
    pod["metadata"]["annotations"] = annotation
    assert create(openshift, pod)[0] == status


def test_it_does_what_the_engine_does(without_scc: Cluster, seed: int, pods: int) -> None:
    """Where OpenShift rejects a pod whatever its IDs, the engine leaves them, and the policy cannot know."""
    block = f"{FIRST}/10000"
    known = {ranges.UID_RANGE: block, ranges.GROUPS: block, ranges.LEVEL: LEVEL}
    without_scc.make("/api/v1/namespaces", {"metadata": {"name": "known", "labels": OPTED_IN, "annotations": known}})
    wait(lambda: "fsGroup" not in create(without_scc, bare(), "known")[1]["spec"]["securityContext"], "the policy")
    dice, seen, start = random.Random(seed), Counter[str](), time.monotonic()
    for _ in range(pods // 10):
        pod = fresh(random_pod(dice, FIRST, LEVEL))
        pod["spec"].pop("ephemeralContainers", None)
        for container in [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]:
            furnish(dice, container)
        status, stored = create(without_scc, pod, "known")
        if status != 201:
            seen[f"not a pod: {status}"] += 1
            assert status == 422, stored.get("message")
            continue
        outcome = evaluate(Request("Pod", "CREATE", pod, namespace="known"), ONLY_IDENTITY)
        if left_by_engine(pod):
            seen["left by the engine"] += 1
            continue
        assert identity(stored) == identity(outcome.object or {}), pod
        seen["changed" if outcome.operations else "unchanged"] += 1
    print(f"seed {seed}: {dict(seen)} in {time.monotonic() - start:.0f} s")
    assert seen["changed"] > 0
