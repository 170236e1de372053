"""One object of every kind in KINDS, each with something that a rule changes, made around the same pod spec."""

from typing import Any

from webhook.objects.model import Object, Request
from webhook.workloads.kinds import KINDS, group_of

MAIN = {
    "name": "main",
    "image": "docker.io/seldonio/seldon-core-operator:0.4.1",
    "ports": [{"containerPort": 80, "hostPort": 0}],
    "env": [{"name": "ENGINE_CONTAINER_USER", "value": "8888"}],
    "securityContext": {
        "runAsUser": 1337,
        "runAsGroup": 1337,
        "runAsNonRoot": False,
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["KILL"]},
    },
}


def template(**annotations: str) -> Object:
    return {
        "metadata": {"annotations": {"kubeflow-openshift/rules": "no-such-rule", **annotations}, "labels": {"a": "b"}},
        "spec": {
            "serviceAccountName": "default",
            "hostNetwork": False,
            "os": {"name": "linux"},
            "securityContext": {"runAsUser": 1000, "runAsGroup": 3000, "runAsNonRoot": False, "fsGroup": 100},
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            "initContainers": [{"name": "init", "securityContext": {"runAsUser": 0}}],
            "containers": [MAIN, {"name": "bare"}],
            "ephemeralContainers": [{"name": "debug", "securityContext": {"runAsUser": 1337, "runAsGroup": 1337}}],
        },
    }


def sample(kind: str, **parts: Any) -> Object:
    """Return an object of a kind: not deleted, owned by a profile, and of a workload whose pods are ready."""
    owner = {"apiVersion": "kubeflow.org/v1", "kind": "Profile", "name": "team", "uid": "1", "controller": False}
    ready = {"readyReplicas": 1, "numberReady": 1, "lastSuccessfulTime": "2020-01-01T00:00:00Z"}
    return {
        "apiVersion": f"{group_of(kind)}/v1".removeprefix("/"),
        "kind": kind.partition(".")[0],
        "metadata": {
            "name": "sample",
            "namespace": "team",
            "annotations": {"kubeflow-openshift/rules": "no-such-rule"},
            "labels": {"istio-injection": "enabled", "istio.io/rev": "default"},
            "ownerReferences": [owner],
        },
        "status": {**ready, "conditions": [{"type": "Available", "status": "True"}]},
        **parts,
    }


def nested(path: str, value: Any) -> Any:
    """Return a value at the end of a dotted path, as KINDS writes it."""
    for part in reversed(path.split(".")):
        value = [value] if part in ("*", "[]") else {part: value}
    return value


def of_components(obj: Object) -> Object:
    """Return an object in a namespace of Kubeflow's components."""
    return {**obj, "metadata": {**obj["metadata"], "namespace": "kubeflow"}}


ARGO = {"config": "containerRuntimeExecutor: docker\n", "executor": "securityContext:\n  runAsUser: 65532\n"}
RULES_OF_ROLE = [{"apiGroups": ["kubeflow.org"], "resources": ["notebooks"], "verbs": ["create"]}]
JOB = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": template()}}
SCC = {"openshift.io/scc": "restricted-v2"}
SAMPLES: dict[str, Object] = {
    **{kind: sample(kind) for kind in KINDS},
    **{kind: sample(kind, **nested(facts.pods[0], template()["spec"])) for kind, facts in KINDS.items() if facts.pods},
    "Pod": sample("Pod", **template(**SCC)),
    "Experiment.kubeflow.org": sample("Experiment.kubeflow.org", spec={"trialTemplate": {"trialSpec": JOB}}),
    "Trial.kubeflow.org": sample("Trial.kubeflow.org", spec={"runSpec": JOB}),
    "ConfigMap": sample("ConfigMap", metadata={"name": "workflow-controller-configmap"}, data=ARGO),
    "PersistentVolumeClaim": sample("PersistentVolumeClaim", spec={"accessModes": ["ReadWriteMany"]}),
    **{kind: of_components(sample(kind, rules=RULES_OF_ROLE)) for kind in KINDS if "Role" in kind},
}


def deployment() -> Object:
    containers = [{"name": "a", "image": "i", "securityContext": {"runAsUser": 1000}}]
    spec = {"securityContext": {"fsGroup": 100}, "containers": containers}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"template": {"spec": spec}},
    }


def created(obj: Object, **more: Any) -> Request:
    return Request("Deployment.apps", "CREATE", obj, namespace="kubeflow", **more)
