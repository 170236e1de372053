"""No result is more privileged than its request, and the checker of that can fail."""

import ast
import copy
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.properties.lattice import DECLARED, breaches
from tests.support.cases import Case, all_cases
from tests.support.scalars import scalars, value_at
from webhook.objects.model import Object

ABSENT = "(absent)"
ADMINISTRATORS = "dedicated-service-account/sets-what-the-configuration-names"
"""The only case outside the lattice: an account that the configuration names is the administrator's word."""
CASES = [case for case in all_cases() if case.id != ADMINISTRATORS]
RULES = [declared.rule for declared in DECLARED]


def test_the_lattice_shares_no_code_with_what_it_judges() -> None:
    for file in Path(__file__).parent.glob("lattice*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                own = name.startswith("tests.properties.lattice")
                assert own or name.partition(".")[0] in {*sys.stdlib_module_names, "yaml"}


def deployment(at: str, value: Any) -> Object:
    """Return a Deployment with a value at a path below its pod spec."""
    spec: Object = {"containers": [{"name": "a", "image": "i", "env": [], "volumeMounts": []}], "volumes": []}
    *way, last = [int(part) if part.isdigit() else part for part in at.split(".")]
    holder: Any = spec
    for part in way:
        holder = holder[part] if isinstance(part, int) else holder.setdefault(part, {})
    if value != ABSENT:
        holder[last] = value
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": {"spec": spec}}}


CONTEXT, OWN = "securityContext", "containers.0.securityContext"
LESS_AND_MORE = [
    *((field, less, True) for field in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace")
      for less in (False, ABSENT)),
    *(("hostUsers", False, more) for more in (ABSENT, True)),
    *(("automountServiceAccountToken", False, more) for more in (ABSENT, True)),
    *((f"{where}.runAsNonRoot", less, more) for where in (CONTEXT, OWN)
      for less, more in ((True, ABSENT), (True, False), (ABSENT, False))),
    *((f"{where}.{field}", ABSENT, value) for where in (CONTEXT, OWN) for field, value in
      (("runAsUser", 0), ("runAsGroup", 0), ("runAsGroup", 3000), ("seLinuxOptions", {"type": "spc_t"}))),
    *((f"{where}Profile.type", less, more)
      for where in (f"{CONTEXT}.seccomp", f"{CONTEXT}.appArmor", f"{OWN}.seccomp", f"{OWN}.appArmor") for less, more in
      (("RuntimeDefault", ABSENT), ("RuntimeDefault", "Unconfined"), (ABSENT, "Unconfined"))),
    *((f"{where}.windowsOptions.hostProcess", ABSENT, True) for where in (CONTEXT, OWN)),
    (f"{CONTEXT}.fsGroup", ABSENT, 0),
    (f"{CONTEXT}.supplementalGroups", [1], [1, 2]),
    *((f"{CONTEXT}.supplementalGroupsPolicy", "Strict", more) for more in ("Merge", ABSENT)),
    (f"{CONTEXT}.sysctls", [], [{"name": "kernel.msgmax", "value": "1"}]),
    *((f"{OWN}.{field}", less, more) for field in ("privileged", "allowPrivilegeEscalation")
      for less, more in ((False, ABSENT), (False, True), (ABSENT, True))),
    (f"{OWN}.capabilities.add", ["CHOWN"], ["CHOWN", "SYS_ADMIN"]),
    *((f"{OWN}.capabilities.drop", less, more) for less, more in ((["ALL"], ["KILL"]), (["KILL", "MKNOD"], ["KILL"]),
                                                                   (["KILL"], ABSENT))),
    *((f"{OWN}.procMount", less, "Unmasked") for less in ("Default", ABSENT)),
    *((f"{OWN}.readOnlyRootFilesystem", True, more) for more in (False, ABSENT)),
]  # fmt: skip
RULES_CHANGE = {
    "hostUsers",
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "fsGroup",
    "privileged",
    "allowPrivilegeEscalation",
    "drop",
}


@pytest.mark.parametrize(("at", "less", "more"), LESS_AND_MORE)
def test_every_step_up_is_seen_and_a_step_down_only_where_a_rule_may_take_it(at: str, less: Any, more: Any) -> None:
    low, high = deployment(at, less), deployment(at, more)
    assert any("wider than it came" in breach for breach in breaches("Deployment.apps", low, high))
    down = breaches("Deployment.apps", high, low)
    assert not any("wider" in breach for breach in down)
    assert bool(down) != (at.rpartition(".")[2] in RULES_CHANGE)


FIXED = {
    **dict.fromkeys(("serviceAccountName", "priorityClassName", "runtimeClassName", "schedulerName"), ("a", "b")),
    "volumes": ([], [{"name": "v", "hostPath": {"path": "/"}}]),
    "containers": ([{"name": "a"}], [{"name": "a"}, {"name": "b"}]),
    "initContainers": (ABSENT, [{"name": "b"}]),
    "tolerations": ([], [{"operator": "Exists"}]),
    **dict.fromkeys(("affinity", "nodeSelector"), (ABSENT, {"a": "c"})),
    "a field of next year": (1, 2),
    **dict.fromkeys(("containers.0.image", "containers.0.name"), ("i", "j")),
    "containers.0.command": (ABSENT, ["sh"]),
    "containers.0.args": (["a"], ["b"]),
    "containers.0.env": ([], [{"name": "A", "value": "b"}]),
    "containers.0.lifecycle": (ABSENT, {"postStart": {"exec": {"command": ["sh"]}}}),
    "containers.0.resources": ({"limits": {"cpu": 1}}, {"limits": {"cpu": 1.0}}),
    "containers.0.volumeMounts": ([], [{"name": "v", "mountPath": "/"}]),
    "containers.0.volumeDevices": (ABSENT, [{"name": "v", "devicePath": "/d"}]),
    "containers.0.ports": ([{"containerPort": 80}], [{"containerPort": 80, "hostPort": 80}]),
    f"{OWN}.a field of next year": (1, True),
    f"{OWN}.runAsUser": (1000, 1001),
    f"{CONTEXT}.fsGroup": ("100", ABSENT),
    f"{CONTEXT}.runAsUser": (1000, None),
}


@pytest.mark.parametrize("at", FIXED)
def test_what_no_rule_may_change_is_seen_both_ways(at: str) -> None:
    one, other = (deployment(at, value) for value in FIXED[at])
    assert breaches("Deployment.apps", one, other)
    assert breaches("Deployment.apps", other, one)


@pytest.mark.parametrize("field", ["ownerReferences", "finalizers", "annotations", "labels"])
def test_metadata_is_equal(field: str) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "openshift.io/required-scc": "restricted-v2"}
    one, other = ({"metadata": {field: labels}}, {"metadata": {field: dict.fromkeys(labels, "privileged")}})
    for kind in ("Namespace", "Pod", "Deployment.apps"):
        assert breaches(kind, one, other)


ROOT = {"name": "a", "securityContext": {"runAsUser": 0}}
EFFECTIVE = {  # pod's security context and containers, before and after; what is said of it
    "a user goes and nothing forbids root": ({"runAsUser": 1000}, [{}], {}, [{}], "may become it"),
    "below a pod that forbids it": ({"runAsUser": 1000}, [{}], {"runAsNonRoot": True}, [{}], ""),
    "below which a container allows it": (
        {"runAsUser": 1000}, [{"runAsNonRoot": False}], {"runAsNonRoot": True}, [{"runAsNonRoot": False}],
        "may become"),
    "root goes": ({"runAsUser": 0}, [{}], {}, [{}], ""),
    "a container's own goes below root's": ({"runAsUser": 0}, [{"runAsUser": 9}], {"runAsUser": 0}, [{}], "another"),
    "a container's own goes below another": ({"runAsUser": 5}, [{"runAsUser": 9}], {"runAsUser": 5}, [{}], ""),
    "a group goes and its user stays": (
        {"runAsUser": 5, "runAsGroup": 5}, [{}], {"runAsUser": 5}, [{}], "lost the group"),
    "a group goes with its user": ({"runAsUser": 0, "runAsGroup": 5}, [{}], {}, [{}], ""),
}  # fmt: skip


@pytest.mark.parametrize(("pod", "own", "pod_after", "own_after", "said"), EFFECTIVE.values(), ids=EFFECTIVE)
def test_what_a_container_inherits_counts(pod: Any, own: Any, pod_after: Any, own_after: Any, said: str) -> None:
    before, after = (
        {"spec": {"securityContext": context, "containers": [{"securityContext": each} for each in containers]}}
        for context, containers in ((pod, own), (pod_after, own_after))
    )
    found = breaches("Pod", before, after)
    assert said in "; ".join(found) if said else found == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_fixture_keeps_to_the_lattice(case: Case) -> None:
    obj, left = case.request().object, case.outcome().object
    assert obj is not None
    assert left is not None
    assert breaches(case.request().kind, obj, left) == []


@pytest.mark.parametrize("rule", RULES)
def test_each_exception_is_needed(rule: str) -> None:
    others = [declared for declared in DECLARED if declared.rule != rule]
    needed = 0
    for case in (case for case in CASES if case.folder.parent.name == rule and case.changes):
        obj, left = case.request().object or {}, case.outcome().object or {}
        needed += bool(breaches(case.request().kind, obj, left, others))
    assert needed


FREE = {"mountPath": "the administrator's table names it", "drop": "the lattice itself has an order of it"}


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"seldon-engine-user"}))
def test_what_an_exception_nearly_allows_is_refused(rule: str) -> None:
    """Each text and number that a rule wrote, made another one; and the same change in an object of another kind."""
    for case in (case for case in CASES if case.folder.parent.name == rule and case.changes):
        request, outcome = case.request(), case.outcome()
        obj, left = request.object or {}, outcome.object or {}
        for finding in (finding for finding in outcome.findings if finding.rule == rule and finding.after is not None):
            at = tuple(part.replace("~1", "/") for part in finding.path.split("/")[1:])
            for whole in ((*at, *inner) for inner in scalars(value_at(left, at))):
                other = copy.deepcopy(left)
                holder, last = value_at(other, whole[:-1]), whole[-1]
                last = int(last) if isinstance(holder, list) else last
                if not isinstance(holder[last], bool) and FREE.keys().isdisjoint(whole):
                    holder[last] = f"{holder[last]}x" if isinstance(holder[last], str) else 1
                    assert breaches(request.kind, obj, other), (case.id, whole)
        if outcome.rules() == [rule]:
            assert breaches("Gadget.example.com", obj, left), case.id


def operator(env: list[Object]) -> Object:
    """Return the Deployment of Seldon's operator with variables."""
    made = deployment("containers.0.env", env)
    made["spec"]["template"]["spec"]["containers"][0]["image"] = "seldonio/seldon-core-operator:0.4.1"
    return made


NEARLY = {
    "istio-injection of a Deployment": ("Deployment.apps", {"metadata": {"labels": {"istio-injection": "enabled"}}},
                                        {"metadata": {"labels": {}}}),
    "istio-injection disabled": ("Namespace", {"metadata": {"labels": {"istio-injection": "disabled"}}},
                                 {"metadata": {"labels": {}}}),
    "istio.io/rev beside disabled": (
        "Namespace", {"metadata": {"labels": {"istio-injection": "disabled", "istio.io/rev": "a"}}},
        {"metadata": {"labels": {"istio-injection": "disabled"}}}),
    "the sysctl without a low port": (
        "Deployment.apps", deployment("containers.0.ports", [{"containerPort": 8080}]),
        deployment("securityContext.sysctls", [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}])),
    "finalizers that a role cannot make": (
        "ClusterRole.rbac.authorization.k8s.io",
        {"rules": [{"apiGroups": ["kubeflow.org"], "resources": ["notebooks"], "verbs": ["get"]}]},
        {"rules": [{"apiGroups": ["kubeflow.org"], "resources": ["notebooks"], "verbs": ["get"]},
                   {"apiGroups": ["kubeflow.org"], "resources": ["notebooks/finalizers"], "verbs": ["update"]}]}),
    "all finalizers": (
        "ClusterRole.rbac.authorization.k8s.io",
        {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]},
        {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
                   {"apiGroups": ["kubeflow.org"], "resources": ["*/finalizers"], "verbs": ["update"]}]}),
    "a mount of a volume that was there": (
        "Deployment.apps", deployment("volumes", [{"name": "writable-data", "secret": {"secretName": "s"}}]),
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": {"spec": {
            "containers": [{"name": "a", "image": "i", "env": [],
                            "volumeMounts": [{"name": "writable-data", "mountPath": "/data"}]}],
            "volumes": [{"name": "writable-data", "secret": {"secretName": "s"}}]}}}}),
    "8888 of another image": (
        "Deployment.apps", deployment("containers.0.env", [{"name": "ENGINE_CONTAINER_USER", "value": "8888"}]),
        deployment("containers.0.env", [])),
    "another variable of the operator": (
        "Deployment.apps", operator([{"name": "ENGINE_CONTAINER_USER", "value": "8889"}]), operator([])),
    "another ConfigMap": ("ConfigMap", {"metadata": {"name": "x"}, "data": {"containerRuntimeExecutor": "docker"}},
                          {"metadata": {"name": "x"}, "data": {"containerRuntimeExecutor": "k8sapi"}}),
    "more nodes": ("PersistentVolumeClaim", {"spec": {"accessModes": ["ReadWriteOnce"]}},
                   {"spec": {"accessModes": ["ReadWriteMany"]}}),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "before", "after"), NEARLY.values(), ids=NEARLY)
def test_the_neighbours_of_exceptions_are_refused(kind: str, before: Object, after: Object) -> None:
    assert breaches(kind, before, after)
