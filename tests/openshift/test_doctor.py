"""`doctor` on a healthy installation, and on one for each thing that can be wrong, which its command then fixes."""

import base64
import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from certs import authority
from tests.rig.cluster import Cluster, running, wait
from tests.support.granted import missing, pods, workload
from tests.support.healthy import SERVER, SLICES, Doctor, be_kubelet, healthy, user
from tests.support.installed import OPTED_IN, namespace
from tests.support.kept import REGISTERED, Kept
from tests.support.workloads import apply

FOREIGN = {"securityContext": {"runAsUser": 999, "fsGroup": 999}}
POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
AGENT = "kubeflow-openshift-doctor"
BUNDLE = "/webhooks/{}/clientConfig/caBundle"


@pytest.fixture(scope="module")
def own(rig: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("doctor")
    (folder / "policy").write_text(json.dumps(POLICY))
    audit = (f"--audit-policy-file={folder / 'policy'}", f"--audit-log-path={folder / 'audit'}")
    host = "127." + ".".join(str(random.SystemRandom().randint(1, 254)) for _ in range(3))
    with running(folder / "rig", apiserver_args=audit) as cluster, healthy(cluster, folder / "serving", host) as kept:
        yield kept


@pytest.fixture
def doctor(own: Kept) -> Doctor:
    return Doctor(own.cluster.kubeconfig)


def test_a_healthy_installation_needs_nothing(doctor: Doctor) -> None:
    done = doctor.run()
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    checks = ("registered", "trusted", "reachable", "network policy", "everyone", "rejected", "istio")
    assert [line.split(":")[0] for line in lines if not line.startswith(" ")] == [f"ok {each}" for each in checks]
    assert max(map(len, lines)) <= 80


def set_bundles(cluster: Cluster, value: str | None) -> None:
    """Replace every CA bundle, or remove it."""
    count = len(cluster.request("GET", REGISTERED).body["webhooks"])
    operation: dict[str, Any] = {"op": "remove"} if value is None else {"op": "replace", "value": value}
    patch = [{**operation, "path": BUNDLE.format(number)} for number in range(count)]
    assert cluster.request("PATCH", REGISTERED, patch, content_type="application/json-patch+json").status == 200


@pytest.mark.parametrize("bundle", ["none", "other"])
def test_a_ca_that_is_not_trusted(own: Kept, doctor: Doctor, bundle: str) -> None:
    other = base64.b64encode(authority.authority("other", ["a"], 1).certificate_pem()).decode()
    set_bundles(own.cluster, None if bundle == "none" else other)
    problems = doctor.problems()
    said, command = problems.pop("trusted")
    assert ("no caBundle" if bundle == "none" else "does not verify the serving certificate") in said
    assert (problems, command) == ({}, "python -m certs ensure --once")
    doctor.follow(own.cluster, command)
    assert doctor.problems() == {}
    wait(lambda: not own.admitted(), "admission")


def test_no_endpoints(own: Kept, doctor: Doctor) -> None:
    own.cluster.kubectl("scale", "-n", "kubeflow-openshift", "deployment/kubeflow-openshift", "--replicas=0")
    own.cluster.request("DELETE", f"{SLICES}/by-hand")
    wait(lambda: not own.cluster.request("GET", SERVER).body["status"].get("replicas"), "end of the pods")
    problems = doctor.problems()
    said, command = problems.pop("reachable")
    assert "0 of 0 replicas available, 0 ready endpoints" in said
    assert problems == {}
    doctor.follow(own.cluster, command)
    be_kubelet(own.cluster)
    assert doctor.problems() == {}


def test_no_ready_endpoint_while_pods_are_wanted(own: Kept, doctor: Doctor) -> None:
    own.cluster.request("DELETE", f"{SLICES}/by-hand")
    said, command = doctor.problems()["reachable"]
    assert said.endswith("replicas available, 0 ready endpoints")
    doctor.follow(own.cluster, command)  # shows why
    be_kubelet(own.cluster)


def test_an_older_configuration(own: Kept, doctor: Doctor) -> None:
    stored = own.cluster.request("GET", REGISTERED).body
    older = copy.deepcopy(stored)
    removed = older["webhooks"].pop()["name"].removesuffix(".kubeflow-openshift.io")
    older["webhooks"][0]["rules"].pop()
    older["webhooks"][1]["timeoutSeconds"] = 9
    assert own.cluster.request("PUT", REGISTERED, older).status == 200
    problems = doctor.problems()
    said, command = problems.pop("registered")
    for part in ("workloads.components (rules)", "pods.components (timeoutSeconds)", f"{removed} (missing)"):
        assert part in said
    assert said.count("(") == 3
    assert problems == {}
    doctor.follow(own.cluster, command)
    doctor.follow(own.cluster, "python -m certs ensure --once")  # as the keeper's pod does
    assert doctor.problems() == {}


def test_it_is_not_registered(own: Kept, doctor: Doctor) -> None:
    own.cluster.request("DELETE", REGISTERED)
    said, command = doctor.problems()["registered"]
    assert "does not exist" in said
    doctor.follow(own.cluster, command)
    doctor.follow(own.cluster, "python -m certs ensure --once")
    assert doctor.problems() == {}


def test_the_network_policy_is_gone(own: Kept, doctor: Doctor) -> None:
    own.cluster.kubectl("delete", "-n", "kubeflow-openshift", "networkpolicy", "kubeflow-openshift")
    problems = doctor.problems()
    said, command = problems.pop("network policy")
    assert "every pod may call" in said
    assert problems == {}
    doctor.follow(own.cluster, command)
    assert doctor.problems() == {}


@pytest.fixture
def node(own: Kept) -> Iterator[None]:
    """Let a DaemonSet have one pod, for a while."""
    own.cluster.make("/api/v1/nodes", {"metadata": {"name": "node"}})
    yield
    own.cluster.request("DELETE", "/api/v1/nodes/node")


@pytest.mark.parametrize("resource", ["deployment", "statefulset", "daemonset", "replicaset", "job"])
def test_workloads_from_before_in_a_namespace_without_label(
    own: Kept, doctor: Doctor, resource: str, node: None
) -> None:
    where = namespace(own.cluster, f"before-{resource}")
    apply(own.cluster, where, made(resource, **FOREIGN))
    wait(lambda: rejected(own.cluster, where, resource), "rejection")
    problems = doctor.problems()
    said, label = problems.pop("namespace")
    assert f"not asked about namespace {where}, where it would save" in said
    said, command = problems.pop("rejected")
    assert "999 is not an allowed group" in said
    assert "rules: fs-group, run-as-user" in said
    assert problems == {}
    doctor.follow(own.cluster, label)
    wait(lambda: "namespace" not in doctor.problems(), "label")
    wait(lambda: asks(own.cluster, where), "review of a dry run")
    doctor.follow(own.cluster, command)
    saved = wait(lambda: pods(own.cluster, where), "pod")
    assert saved[0]["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"
    wait(lambda: doctor.problems() == {}, "nothing to do")


def test_what_no_rule_helps_needs_the_grant_that_is_named(own: Kept, doctor: Doctor) -> None:
    where = namespace(own.cluster, "needs-a-grant", **OPTED_IN)
    context = {"privileged": True}
    spec = {"containers": [{"name": "main", "image": "example", "securityContext": context}]}
    apply(own.cluster, where, made("deployment", **spec))
    wait(lambda: missing(own.cluster, where, "deployment"), "rejection")
    problems = doctor.problems()
    said, command = problems.pop("rejected")
    assert "Privileged containers are not allowed" in said
    assert "account default needs SCC privileged" in said
    assert problems == {}
    doctor.follow(own.cluster, command)
    wait(lambda: pods(own.cluster, where), "pod")
    wait(lambda: doctor.problems() == {}, "nothing to do")
    grants = json.loads(doctor.run("--output", "json").out)["grants"]
    assert grants == {f"{where}/default": ["privileged"]}


def test_sidecars_without_istio_cni(own: Kept, doctor: Doctor) -> None:
    labels = {"app.kubernetes.io/part-of": "kubeflow-profile", "istio-injection": "enabled"}
    namespace(own.cluster, "profile", **labels)
    problems = doctor.problems()
    said, command = problems.pop("istio")
    assert said.startswith("1 of 1 profiles get sidecars; Istio's CNI plugin is absent")
    assert problems == {}
    doctor.follow(own.cluster, command)
    assert doctor.problems() == {}


def test_a_user_with_few_rights_sees_what_they_may(own: Kept, tmp_path: Path) -> None:
    done = Doctor(user(own.cluster, "viewer", "view", tmp_path)).run()
    assert done.code == 2
    lines = done.err.splitlines()
    assert all(line.startswith("not looked at: ") and " is forbidden: User " in line for line in lines)
    for resource in ("mutatingwebhookconfigurations", "secrets", "clusterrolebindings"):
        assert any(f'resource "{resource}"' in line for line in lines)
    assert "ok reachable" in done.out
    assert "ok rejected" in done.out
    assert "registered" not in done.out


def test_a_user_without_any_right_gets_one_line(own: Kept, tmp_path: Path) -> None:
    done = Doctor(user(own.cluster, "nobody", "system:discovery", tmp_path)).run()
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "is forbidden" in done.err


def test_it_only_reads(own: Kept) -> None:
    lines = (own.cluster.directory.parent / "audit").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    verbs = {event["verb"] for event in events if event.get("userAgent") == AGENT}
    assert verbs == {"get", "list"}


def made(resource: str, **pod_spec: Any) -> dict[str, Any]:
    """Return a workload with such pods; a Job too."""
    if resource != "job":
        return workload(resource, **pod_spec)
    job: dict[str, Any] = workload("cronjob", **pod_spec)["spec"]["jobTemplate"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "it"}, **job}


def rejected(cluster: Cluster, where: str, resource: str) -> bool:
    """Check whether the pods are missing, and the event is there."""
    events = cluster.request("GET", f"/api/v1/namespaces/{where}/events").body["items"]
    lacks = resource == "job" or missing(cluster, where, resource)
    return lacks and any("security context constraint" in event["message"] for event in events)


def asks(cluster: Cluster, where: str) -> bool:
    """Check whether the API server asks the webhook about a namespace now."""
    body = {**workload("deployment", **FOREIGN), "metadata": {"name": "probe"}}
    answer = cluster.make(f"/apis/apps/v1/namespaces/{where}/deployments?dryRun=All", body)
    return "fsGroup" not in answer["spec"]["template"]["spec"]["securityContext"]
