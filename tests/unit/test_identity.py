"""One decision for a whole pod: what is said of foreign IDs that stay, and that what is promised is admitted."""

import time
from typing import Any

import pytest

from webhook.admission.engine import evaluate
from webhook.admission.review import request_for_manifest
from webhook.objects.model import Object, Request
from webhook.scc.refusal import LONGEST
from webhook.settings.model import Settings
from webhook.workloads.identity import beyond_help
from webhook.workloads.pod import POD_SPEC, PodView

IDS = {"securityContext": {"runAsUser": 1000, "fsGroup": 1000}}
TEMPLATE = ("spec", "template", "spec")


def deployment(spec: Object) -> Object:
    containers = spec.get("containers") or [{"name": "a", "image": "i"}]
    body = {"serviceAccountName": "node-agent", **IDS, **spec, "containers": containers}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": {"spec": body}}}


def container(**context: Any) -> Object:
    return {"containers": [{"name": "a", "securityContext": context}]}


def volume(**source: Any) -> Object:
    return {"volumes": [{"name": "v", **source}]}


def warned(obj: Object, settings: Settings | None = None) -> list[str]:
    outcome = evaluate(request_for_manifest(obj), settings or Settings())
    assert outcome.operations == []
    assert outcome.failures == []
    return outcome.warnings


REASONS = [
    (volume(hostPath={"path": "/"}), "spec.volumes[0]: hostPath volumes are not allowed", "hostmount-anyuid"),
    (volume(nfs={"server": "s", "path": "/"}), "spec.volumes[0]: nfs volumes are not allowed", "hostmount-anyuid"),
    ({"hostNetwork": True}, "spec.securityContext.hostNetwork: Host network is not allowed", "privileged"),
    ({"hostPID": True}, "spec.securityContext.hostPID: Host PID is not allowed", "privileged"),
    (container(privileged=True), "containers[0].privileged: Privileged containers are not allowed", "privileged"),
    (container(allowPrivilegeEscalation=True), "Allowing privilege escalation for containers is not", "nonroot"),
    (container(capabilities={"add": ["NET_ADMIN"]}), "capability may not be added", "privileged"),
    (container(seccompProfile={"type": "Unconfined"}), "unconfined is not an allowed seccomp profile", "privileged"),
    (container(seLinuxOptions={"level": "s0:c1"}), "must be the namespace's own", "hostmount-anyuid-v2"),
    ({"hostUsers": False}, "hostUsers: no UID of a namespace's range exists in a user namespace", "restricted-v3"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "reason", "scc"), REASONS, ids=lambda value: value if isinstance(value, str) else "")
def test_openshifts_reason_is_said_with_the_least_scc_that_admits_the_pod(spec: Object, reason: str, scc: str) -> None:
    (warning,) = warned(deployment(spec))
    assert warning.startswith("left as it is: ")
    assert reason in warning
    assert warning.endswith(f"; service account node-agent needs an SCC like {scc}")
    assert len(warning) <= LONGEST


def test_nothing_is_said_of_a_pod_without_foreign_ids_or_of_one_that_names_its_scc() -> None:
    allocated = {"hostNetwork": True, "securityContext": {"runAsUser": 1_000_650_000}}
    assert warned(deployment(allocated)) == []
    named = deployment({})
    named["spec"]["template"]["metadata"] = {"annotations": {"openshift.io/required-scc": "anyuid"}}
    assert warned(named) == []
    assert warned(deployment({"os": {"name": "windows"}})) == []
    assert warned(deployment({"hostUsers": False}), Settings(everyone=("restricted-v2", "restricted-v3"))) == []


def test_only_what_fits_is_said_each_reason_once_and_printable() -> None:
    sysctls = [{"name": f"kernel.{number}\n{'x' * 40}", "value": "1"} for number in range(50)]
    spec = {**container(privileged=True), "securityContext": {**IDS["securityContext"], "sysctls": sysctls}}
    spec["containers"] *= 3
    (warning,) = warned(deployment(spec))
    assert len(warning) <= LONGEST
    assert warning.isprintable()
    assert "; and 50 more; service account" in warning


def test_an_account_that_is_no_text_is_not_repeated() -> None:
    (warning,) = warned(deployment({"hostPID": True, "serviceAccountName": {"token": "secret"}}))
    assert warning.endswith("; service account default needs an SCC like privileged")


@pytest.mark.parametrize(("user", "goes"), [(2**31 - 1, True), (2**31, False), (-1, False), (True, False)])
def test_what_is_no_id_stays_with_all_ids_of_the_pod(user: Any, goes: bool) -> None:
    obj = deployment(container(runAsUser=user))
    assert bool(evaluate(request_for_manifest(obj), Settings()).operations) == goes


def test_the_rules_that_a_template_skips_are_known_before_its_identity_is_decided() -> None:
    """Advice about root is given before the annotation is read."""
    stored, sent = deployment({"securityContext": {}}), deployment({"securityContext": {"runAsUser": 0}})
    sent["spec"]["template"]["metadata"] = {"annotations": {"kubeflow-openshift/rules": "run-as-user"}}
    sent["spec"]["template"]["spec"]["securityContext"] |= {"runAsGroup": 5, "runAsNonRoot": True}
    outcome = evaluate(Request("Deployment.apps", "UPDATE", sent, stored, "team"), Settings())
    assert outcome.operations == []  # the group of a user that stays


def test_of_a_workflow_each_template_that_is_left_is_warned_of() -> None:
    own = {"securityContext": {"runAsUser": 1000}}
    hard = {"securityContext": {"runAsUser": 1000, "privileged": True}}
    templates = [{"container": own}, {"container": hard}, {"container": hard, "serviceAccountName": "builder"}]
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {},
        "spec": {"templates": templates},
    }
    outcome = evaluate(request_for_manifest(workflow), Settings())
    assert [finding.rule for finding in outcome.findings] == ["run-as-user"] * 2
    ends = [f"; service account {account} needs an SCC like privileged" for account in ("default", "builder")]
    assert [warning[-len(end) :] for warning, end in zip(outcome.warnings, ends, strict=True)] == ends


def test_an_istio_proxy_that_stays_refused_is_named() -> None:
    pod = {"metadata": {"annotations": {"openshift.io/scc": "restricted-v2"}}, "apiVersion": "v1", "kind": "Pod"}
    proxy = {"name": "istio-proxy", "securityContext": {"runAsUser": 1337}}
    (warning,) = warned({**pod, "spec": {"containers": [{"name": "app"}, proxy]}})
    assert "istio-proxy: nothing tells a UID of the namespace that no other container has" in warning


def test_beyond_help_is_asked_of_any_object_that_has_a_pod() -> None:
    def asked(spec: Object) -> tuple[str, ...]:
        return beyond_help(PodView(deployment(spec), TEMPLATE, POD_SPEC, Settings()), TEMPLATE)

    assert asked({}) == ()
    assert asked({"hostPID": True})[0].startswith("provider restricted-v2: .spec.securityContext.hostPID: ")


@pytest.mark.parametrize("more", [{}, {"ports": [{"containerPort": 80, "hostPort": 80}]}], ids=["", "host ports"])
def test_thousands_of_containers_are_judged_in_time(more: Object) -> None:
    one = {"securityContext": {"runAsUser": 1000, "capabilities": {"add": ["NET_ADMIN"]}}, **more}
    obj = deployment({"containers": [{"name": f"c{number}", **one} for number in range(3000)]})
    started = time.process_time()
    assert len(warned(obj)) == 1
    assert time.process_time() - started < 1.5
