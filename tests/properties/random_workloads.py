"""Random workloads that an API server accepts: every kind with pods, around the pods of `random_pods`."""

import random
from typing import Any

from tests.properties import random_pods
from tests.properties.random_objects import IMAGES, argo, merge
from tests.properties.random_pods import some
from tests.support.samples import nested
from webhook.objects.model import Object
from webhook.workloads.kinds import KINDS, SPARK, WORKFLOW, WORKSPACE, group_of
from webhook.workloads.pod import IDS, POD_SPEC

LABELS = {"app": "it"}
SELECTED = ("Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "ReplicaSet.apps")
ACCOUNTS = ("default", "trusted", "other")
ANNOTATIONS = (
    {"kubeflow-openshift/rules": "none"},
    {"kubeflow-openshift/rules": "run-as-user"},
    {"openshift.io/required-scc": "anyuid"},
    {"openshift.io/required-scc": "restricted-v2"},
)


def workload(dice: random.Random, kind: str, name: str, first: int, level: str) -> Object:
    """Return an object of a kind with a pod spec in its first place, and sometimes in the others."""
    obj: Object = {
        "apiVersion": f"{group_of(kind)}/v1".removeprefix("/"),
        "kind": kind.partition(".")[0],
        "metadata": {"name": name},
    }
    facts = KINDS[kind]
    for path in facts.pods:
        if path == facts.pods[0] or dice.random() < 0.3:
            merge(obj, nested(path.replace("[]", "*"), shaped(dice, kind, pod_spec(dice, first, level))))
    for path in facts.objects[:1]:
        inner = workload(dice, dice.choice(("Job.batch", "PyTorchJob.kubeflow.org")), name, first, level)
        merge(obj, nested(path, inner))
    annotations = dice.choice(ANNOTATIONS) if dice.random() < 0.15 else {}
    if kind == "Pod":
        obj["metadata"]["annotations"] = annotations
    elif facts.pods[:1] == ("spec.template.spec",):
        obj["spec"]["template"]["metadata"] = {"labels": LABELS, "annotations": annotations}
    if kind in SELECTED:
        obj["spec"]["selector"] = {"matchLabels": LABELS}
    elif kind == "ReplicationController":
        obj["spec"]["selector"] = LABELS
    elif kind == "Job.batch":
        obj["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    elif kind == "CronJob.batch":
        obj["spec"]["schedule"] = "0 0 * * *"
        obj["spec"]["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    return obj


def pod_spec(dice: random.Random, first: int, level: str) -> Object:
    """Return a pod spec that passes the API server's validation, nearly always."""
    spec: Object = random_pods.pod(dice, first, level)["spec"]
    spec.pop("ephemeralContainers", None)
    if dice.random() < 0.8:  # a pod that needs a grant keeps its IDs: not too many of them
        for key in ("hostNetwork", "hostPID", "hostIPC", "volumes"):
            spec.pop(key, None)
    if dice.random() < 0.6:
        keep_ids(spec)
    if dice.random() < 0.5:
        of_pod = spec["securityContext"] = spec.get("securityContext") or {}
        of_pod[dice.choice(("runAsUser", "fsGroup"))] = dice.choice((100, 1000, 65532))
    if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
        spec.pop("hostUsers", None)
    volumes = [volume for volume in spec.get("volumes") or () if not {"ephemeral", "iscsi"} & volume.keys()]
    spec["volumes"] = [volume for volume in volumes if len(volume) > 1]
    spec |= some(dice, "serviceAccountName", 0.4, lambda: dice.choice(ACCOUNTS))
    context = spec.get("securityContext") or {}
    names = {each["name"]: each for each in context.get("sysctls") or ()}
    if "sysctls" in context:
        context["sysctls"] = list(names.values()) if not spec.get("hostNetwork") and not spec.get("hostIPC") else []
    for container in [each for group in ("initContainers", "containers") for each in spec.get(group, ())]:
        container["image"] = dice.choice(IMAGES)
        container["ports"] = [{"containerPort": dice.choice((80, 8080))}] if dice.random() < 0.2 else []
        own: Object = container.get("securityContext") or {}
        capabilities = (own.get("capabilities") or {}).get("add") or ()
        if own.get("privileged") or any("SYS_ADMIN" in each for each in capabilities):
            own.pop("allowPrivilegeEscalation", None)
    return spec


def keep_ids(spec: Object) -> None:
    """Leave only IDs in a pod's security contexts, which the rules drop."""
    containers = [each for group in ("initContainers", "containers") for each in spec.get(group, ())]
    for holder in (spec, *containers):
        context = holder.get("securityContext") or {}
        holder["securityContext"] = {key: context[key] for key in (*IDS, "runAsNonRoot") if key in context}


def shaped(dice: random.Random, kind: str, spec: Object) -> Any:
    """Return a pod spec in the shape that a kind has for it."""
    shape, containers = KINDS[kind].shape, [*spec.get("initContainers", ()), *spec["containers"]]
    if shape == WORKFLOW:
        made = argo(dice, spec, containers)
        made.pop("templateDefaults", None)
        made |= {key: spec[key] for key in ("hostNetwork",) if spec.get(key)}
        return made | some(dice, "serviceAccountName", 0.3, lambda: dice.choice(ACCOUNTS))
    if shape == SPARK:
        spec["podSecurityContext"] = spec.pop("securityContext", None)
        return {**spec, "sidecars": spec.pop("containers"), "securityContext": containers[0].get("securityContext")}
    if shape == WORKSPACE:
        spec["containerSecurityContext"] = containers[0].get("securityContext")
        return {key: value for key, value in spec.items() if "ontainers" not in key}
    if shape != POD_SPEC:
        return {key: value for key, value in spec.items() if key != "volumes"}  # of KServe
    return spec
