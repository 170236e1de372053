"""What `doctor` makes of workloads that SCC rejects, and of who may use what."""

import json
from typing import Any

import pytest

from tests.support.diagnosed import Object, diagnose, namespace, problem, problems, state
from tests.support.installed import deployment
from webhook.doctor import access, report, workloads
from webhook.doctor.installation import Diagnosis
from webhook.doctor.workloads import cluster_of
from webhook.settings.model import Settings

REFUSED = (
    'pods "it-" is forbidden: unable to validate against any security context constraint: [provider "anyuid": '
    "Forbidden: not usable by user or serviceaccount, provider restricted-v2: .spec.securityContext.fsGroup: Invalid "
    "value: []int64{999}: 999 is not an allowed group]"
)


def rejected(obj: Object, **metadata: Any) -> Object:
    """Return a stored Deployment whose pods SCC rejects."""
    failure = {"type": "ReplicaFailure", "status": "True", "message": REFUSED}
    metadata = {"name": "it", "namespace": "kubeflow", "generation": 1, **metadata}
    return {**obj, "metadata": metadata, "status": {"observedGeneration": 1, "conditions": [failure]}}


FOREIGN = deployment("it", securityContext={"fsGroup": 999})
PRIVILEGED = deployment("it", containers=[{"name": "it", "securityContext": {"privileged": True}}])


def test_a_rejected_deployment_is_restarted() -> None:
    check, says, command = problem(state(**{"Deployment.apps": [rejected(FOREIGN)]}))
    assert (check, command) == ("rejected", "oc -n kubeflow rollout restart deployment/it")
    assert says.startswith("Deployment kubeflow/it: spec.securityContext.fsGroup")
    assert "not usable" not in says
    assert says.endswith("Its next update is admitted (rules: fs-group)")


def test_a_namespace_that_the_webhook_is_not_asked_about_is_labelled_first() -> None:
    seen = state(**{"Deployment.apps": [rejected(FOREIGN, namespace="other")]})
    label, restart = problems(seen)
    assert label.command == "oc label namespace other kubeflow-openshift=enabled"
    assert label.says.endswith("it would save Deployment other/it")
    assert restart.command == "oc -n other rollout restart deployment/it"


def test_a_workload_of_kubeflow_counts_where_the_webhook_is_not_asked_even_if_scaled_to_zero() -> None:
    metadata = {"name": "it", "namespace": "other", "labels": {"app.kubernetes.io/part-of": "kubeflow"}}
    assert problem(state(**{"Deployment.apps": [{**FOREIGN, "metadata": metadata}]}))[0] == "namespace"
    fine = {**deployment("it"), "metadata": metadata}
    assert problems(state(**{"Deployment.apps": [fine]})) == []


def test_what_no_rule_helps_is_granted() -> None:
    seen = state(**{"Deployment.apps": [rejected(PRIVILEGED)]})
    assert problem(seen)[2] == (
        "oc -n kubeflow create rolebinding default-privileged "
        "--clusterrole=system:openshift:scc:privileged --serviceaccount=kubeflow:default"
    )


@pytest.mark.parametrize("settings", [Settings(exempt_namespaces=("kubeflow",)), Settings(exempt_namespaces=("k*",))])
def test_exempt_namespaces_are_left_alone(settings: Settings) -> None:
    seen = state(**{"Deployment.apps": [rejected(PRIVILEGED)]})
    assert problems(seen, settings) == []


def test_a_workload_that_has_its_pods_by_now_is_not_rejected() -> None:
    saved = rejected(FOREIGN)
    saved["status"]["updatedReplicas"] = 1
    assert problems(state(**{"Deployment.apps": [saved]})) == []


def job(**metadata: Any) -> tuple[Object, Object]:
    """Return a Job whose pods SCC rejects, and the event that says so."""
    metadata = {"name": "it", "namespace": "kubeflow", "uid": "1", **metadata}
    spec = {"template": FOREIGN["spec"]["template"]}
    about = {"apiVersion": "batch/v1", "kind": "Job", "namespace": "kubeflow", "name": "it", "uid": "1"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}, {
        "involvedObject": about,
        "message": REFUSED,
    }


@pytest.mark.parametrize(
    ("metadata", "command", "said"),
    [
        ({}, "delete jobs.batch/it", "apply its manifest afterwards"),
        ({"ownerReferences": [{"controller": True}]}, "delete jobs.batch/it", "its controller creates it again"),
        (
            {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            "apply view-last-applied jobs.batch/it | oc replace --force -f -",
            "(rules: fs-group)",
        ),
    ],
)
def test_a_job_is_created_again(metadata: Object, command: str, said: str) -> None:
    obj, event = job(**metadata)
    check, says, found = problem(state(**{"Job.batch": [obj]}, events=[event]))
    assert (check, found) == ("rejected", f"oc -n kubeflow {command}")
    assert says.endswith(said)


def test_an_event_about_an_object_that_is_gone_or_created_again_is_old() -> None:
    obj, event = job(uid="2")
    assert problems(state(**{"Job.batch": [obj]}, events=[event])) == []
    assert problems(state(events=[event])) == []


def test_a_kind_that_no_rule_knows_is_named() -> None:
    _, event = job()
    event["involvedObject"] |= {"apiVersion": "example.io/v1", "kind": "Runner"}
    check, says, command = problem(state(events=[event]))
    assert (check, command) == ("rejected", "")
    assert says.startswith("Runner.example.io kubeflow/it, a kind that no rule knows: spec.securityContext.fsGroup")


def test_an_object_of_unknown_shape_is_not_judged() -> None:
    broken = rejected(deployment("it", containers={"name": "it"}))
    assert problem(state(**{"Deployment.apps": [broken]}))[1].endswith(
        "Not judged: spec.template.spec.containers.name is not a map"
    )


def test_the_setting_everyone_is_compared_with_the_grants() -> None:
    seen = state()
    upgraded = {"kind": "SecurityContextConstraints", "metadata": {"name": "restricted"}}
    seen.objects["SecurityContextConstraints"].append({**upgraded, "groups": ["system:authenticated"]})
    check, says, command = problem(seen)
    assert (check, command) == ("everyone", "oc -n kubeflow-openshift edit configmap kubeflow-openshift")
    assert says == "every account may use restricted, restricted-v2, and the setting everyone is restricted-v2"
    both = Settings(everyone=("restricted-v2", "restricted"))
    assert problems(seen, both) == []


def test_sidecars_need_istio_cni() -> None:
    profile = namespace("team", **{"app.kubernetes.io/part-of": "kubeflow-profile", "istio.io/rev": "stable"})
    seen = state(namespaces=[profile])
    assert problem(seen)[2] == "oc label namespace team istio-injection- istio.io/rev-"
    seen.objects["cni"].append({})
    assert problems(seen) == []
    del profile["metadata"]["labels"]["istio.io/rev"]
    assert "AuthorizationPolicies protect nothing" in diagnose(seen)[-1].says


def test_only_the_grants_of_users_are_listed() -> None:
    seen = state()
    for kind, name, space in (
        ("ServiceAccount", "minio", "kubeflow"),
        ("ServiceAccount", "router", "openshift-ingress"),
        ("Group", "system:serviceaccounts:team", None),
        ("User", "system:admin", None),
    ):
        subject = {"kind": kind, "name": name, "namespace": space}
        role = {"kind": "ClusterRole", "name": "system:openshift:scc:anyuid"}
        seen.objects["RoleBinding"].append({"kind": "RoleBinding", "roleRef": role, "subjects": [subject]})
    found = access.grants(cluster_of(seen, Settings()))
    assert found == {"kubeflow/minio": ["anyuid"], "system:serviceaccounts:team": ["anyuid"]}


def test_text_is_wrapped_at_80_columns_and_commands_stay_whole() -> None:
    long = "name-" * 30
    found = [Diagnosis("a", "word " * 40), Diagnosis("b", f"it is {long}", f"oc label {long}"), Diagnosis("c", "x", "")]
    lines = report.as_text(found, {"kubeflow/minio": ["anyuid"]}).splitlines()
    assert {len(line) for line in lines if long not in line and len(line) > 80} == set()
    assert [line[:5] for line in lines if not line.startswith(" ")] == ["ok a:", "!! b:", "!! c:", "", "SCCs "]
    assert f"   oc label {long}" in lines
    assert lines[-1] == "   kubeflow/minio: anyuid"


def test_json_has_all_of_it() -> None:
    text = report.as_json([Diagnosis("a", "fine"), Diagnosis("b", "bad", "do")], {"a/b": ["anyuid"]}, ["not looked at"])
    body = json.loads(text)
    assert body.keys() == {"version", "diagnoses", "grants", "notLookedAt"}
    assert body["diagnoses"] == [
        {"check": "a", "good": True, "says": "fine", "command": None},
        {"check": "b", "good": False, "says": "bad", "command": "do"},
    ]
    assert (body["grants"], body["notLookedAt"]) == ({"a/b": ["anyuid"]}, ["not looked at"])


def test_a_workflow_whose_templates_inherit_nothing_has_no_pod_of_its_own() -> None:
    template = {"name": "main", "container": {"image": "i"}, "securityContext": {"runAsNonRoot": True}}
    spec = {"securityContext": {"fsGroup": 100}, "templates": [template]}
    metadata = {"name": "w", "namespace": "kubeflow"}
    workflow = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}
    assert workloads._refused(workflow, Settings(), cluster_of(state(), Settings())) == []
