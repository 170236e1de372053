"""Random objects of every kind, around random pods: what rules come for, its neighbours, and other shapes."""

import copy
import random
from typing import Any

from tests import random_pods
from tests.random_pods import some
from tests.samples import nested
from webhook.engine import SKIP_ANNOTATION
from webhook.model import Object
from webhook.pod import POD_SPEC, Shape
from webhook.workload import KINDS, group_of

VALUES: tuple[Any, ...] = (None, True, 0, -1, 1.5, 100.0, "x", [], {}, [1], ["x"], [{}], [[]], {"a": 1}, {"a": []})
IMAGES = (
    *("docker.io/seldonio/seldon-core-operator:0.4.1", "metacontroller/metacontroller:v0.3.0", "busybox"),
    *("ghcr.io/kubeflow/kubeflow/notebook-servers/jupyter-scipy:v1.10", "kubeflownotebookswg/jupyter-web-app:v1.9"),
    *("gcr.io/kubeflow-images-public/tensorflow-1.14.0-notebook-cpu:v0.7.0", "kubeflow/pytorch-dist-mnist:latest"),
    "gcr.io/kubeflow-ci/pytorch-dist-mnist-test:v1.0",
)
RESOURCES = ("notebooks", "notebooks/finalizers", "pods", "tfjobs", "*", "*/finalizers", "profiles", "workflows")
GROUPS = ("kubeflow.org", "argoproj.io", "apps", "*", "")
WORKLOADS = tuple(kind for kind, facts in KINDS.items() if facts.pods or facts.objects)
OTHERS = tuple(kind for kind in KINDS if kind not in WORKLOADS)


def objects(dice: random.Random, count: int, first: int, level: str) -> list[tuple[Object, bool]]:
    """Return objects of distinct names, and of each whether something in it was made of another shape."""
    return [_named(dice, number, first, level) for number in range(count)]


def _named(dice: random.Random, number: int, first: int, level: str) -> tuple[Object, bool]:
    kind = dice.choice(WORKLOADS if dice.random() < 0.85 else OTHERS)
    metadata: Object = {"name": f"o{number}"}
    if dice.random() < 0.05:
        metadata["annotations"] = {SKIP_ANNOTATION: dice.choice(("none", "fs-group", "no-such", "none, fs-group"))}
    if dice.random() < 0.05:
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "1"}
        metadata["ownerReferences"] = [{**owner, "controller": dice.choice((True, False))}]
    obj = {"apiVersion": f"{group_of(kind)}/v1".removeprefix("/"), "kind": kind.partition(".")[0], "metadata": metadata}
    if kind == "Pod" and dice.random() < 0.7:
        metadata["labels"] = {"created-by": "service-account"}
    obj |= _workload(dice, kind, first, level) if kind in WORKLOADS else _other(dice, kind, metadata)
    odd = "." in group_of(kind) and "k8s.io" not in kind.replace("x-k8s.io", "") and dice.random() < 0.3
    if odd:
        obj = _confused(dice, copy.deepcopy(obj))
    return obj, odd


def _workload(dice: random.Random, kind: str, first: int, level: str) -> Object:
    facts = KINDS[kind]
    if facts.objects:
        inner = dice.choice([other for other in WORKLOADS if KINDS[other].pods])
        made = {"apiVersion": f"{group_of(inner)}/v1".removeprefix("/"), "kind": inner.partition(".")[0]}
        return _nested(facts.objects[0], {**made, **_workload(dice, inner, first, level)})
    found: Object = {}
    for path in facts.pods:
        if path == facts.pods[0] or dice.random() < 0.3:
            _merge(found, _nested(path, _shaped(dice, facts.shape, _pod(dice, first, level))))
    if facts.pods == ("spec.template.spec",):
        found["spec"]["selector"] = {"a": "b"} if kind == "ReplicationController" else {"matchLabels": {"a": "b"}}
        found["spec"]["template"]["metadata"]["labels"] = {"a": "b"}
    if kind == "StatefulSet.apps" and dice.random() < 0.3:
        modes = {"accessModes": [dice.choice(("ReadWriteMany", "ReadWriteOnce"))]}
        found["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "c"}, "spec": modes}]
    if kind.endswith(".batch"):
        _pods_of_batch(found)
    return found


def _pods_of_batch(found: Object) -> None:
    spec = found["spec"]
    if "jobTemplate" in spec:
        spec |= {"schedule": "0 0 1 1 *"}
        spec = spec["jobTemplate"]["spec"]
    spec.pop("selector", None)
    spec["template"]["spec"]["restartPolicy"] = "Never"


def _pod(dice: random.Random, first: int, level: str) -> Object:
    """Return a random pod of which some things are as rules come for them, and many are plain."""
    pod = random_pods.pod(dice, first, level)
    spec = pod["spec"]
    if dice.random() < 0.6:  # without what asks for a grant, which is sent whatever else it says
        for field in ("hostNetwork", "hostPID", "hostIPC", "volumes"):
            spec.pop(field, None)
        for container in (
            c for part in ("containers", "initContainers", "ephemeralContainers") for c in spec.get(part, [])
        ):
            for field in ("privileged", "capabilities"):
                (container.get("securityContext") or {}).pop(field, None)
    if dice.random() < 0.4:  # without an identity
        spec.pop("securityContext", None)
        for container in (c for part in ("containers", "initContainers") for c in spec.get(part, [])):
            container.pop("securityContext", None)
    for container in spec["containers"]:
        container.update(some(dice, "image", 0.4, lambda: dice.choice(IMAGES)))
        name = dice.choice(("ENGINE_CONTAINER_USER", "DEFAULT_USER_ID", "OTHER"))
        container.update(
            some(dice, "env", 0.3, lambda name=name: [{"name": name, "value": dice.choice(("8888", "1"))}])
        )
        path = dice.choice(("/home/jovyan", "/home", "/data", "/tmp"))
        container.update(some(dice, "volumeMounts", 0.2, lambda path=path: [{"name": "v0", "mountPath": path}]))
        if "metacontroller" in container["image"] and dice.random() < 0.5:
            container["securityContext"] = {"privileged": True, "allowPrivilegeEscalation": True}
    spec |= some(dice, "os", 0.05, lambda: {"name": dice.choice(("windows", "linux"))})
    if dice.random() < 0.03:
        pod["metadata"].setdefault("annotations", {})[SKIP_ANNOTATION] = dice.choice(("none", "fs-group", "no-such"))
    pod["metadata"].pop("name")
    return pod


def _shaped(dice: random.Random, shape: Shape, pod: Object) -> Object:
    """Return a pod's parts where a shape has them."""
    spec = pod["spec"]
    if shape is POD_SPEC:
        return pod
    context = spec.pop("securityContext", None)
    containers = [c for part in ("containers", "initContainers", "ephemeralContainers") for c in spec.pop(part, [])]
    holders = [spec]
    if shape.parts:
        holders = [{"name": f"t{number}"} for number in range(dice.randrange(1, 3))]
        spec["templates"] = holders
        for each in holders:
            each.update(some(dice, "securityContext", 0.3, lambda: {"runAsUser": dice.choice((0, 1000))}))
            each.update(some(dice, "outputs", 0.2, lambda: {"artifacts": [{"name": "a", "path": "/tmp/x/y"}]}))
    if context is not None:
        spec[shape.context] = context
    if shape.own_context:
        spec |= some(dice, shape.own_context, 0.7, lambda: containers[0].get("securityContext"))
    for container in containers if shape.containers else []:
        holder, path = dice.choice(holders), dice.choice(shape.containers)
        _merge(holder, nested(path, container))
    return pod


def _nested(path: str, pod: Object) -> Object:
    """Put a pod at the path of its spec, with its metadata beside or within."""
    *above, last = path.split(".")
    if last != "spec":
        inner = {**pod["spec"], "metadata": pod["metadata"]} if pod.keys() == {"spec", "metadata"} else pod
        return dict(nested(path, inner))
    return dict(nested(".".join(above), pod)) if above else {"spec": pod["spec"]}


def _merge(into: Object, more: Object) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        elif isinstance(value, list) and isinstance(into.get(key), list):
            into[key] += value
        else:
            into[key] = value


def _other(dice: random.Random, kind: str, metadata: Object) -> Object:
    if kind == "Namespace":
        metadata["labels"] = {"istio-injection": dice.choice(("enabled", "disabled"))}  # others no selector chooses
        owner = {"apiVersion": "kubeflow.org/v1", "kind": "Profile", "name": "p", "uid": "1"}
        metadata |= some(dice, "ownerReferences", 0.5, lambda: [owner])
        return {}
    if kind == "ConfigMap":
        return {"data": some(dice, "config", 0.5, lambda: "containerRuntimeExecutor: docker\n")}
    if kind == "PersistentVolumeClaim":
        modes = [dice.choice(("ReadWriteMany", "ReadWriteOnce"))]
        return {"spec": {"accessModes": modes, "resources": {"requests": {"storage": "1Gi"}}}}
    return {"rules": [_rule(dice) for _ in range(dice.randrange(4))]}


def _rule(dice: random.Random) -> Object:
    def pick(choices: tuple[str, ...]) -> list[str]:
        return dice.sample(choices, dice.randrange(1, 3))

    rule = {"apiGroups": pick(GROUPS), "resources": pick(RESOURCES), "verbs": pick(("get", "create", "update", "*"))}
    return {**rule, **some(dice, "resourceNames", 0.1, lambda: ["one"])}


def _confused(dice: random.Random, obj: Object) -> Object:
    """Return an object with one field, not of its own metadata, of another shape."""
    places = [at for at in _places(obj) if at[0] not in ("apiVersion", "kind", "metadata")]
    at, changed = dice.choice(places), obj
    for part in at[:-1]:
        changed = changed[part]
    changed[at[-1]] = dice.choice(VALUES)
    return obj


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for part, inner in items for place in ((*at, part), *_places(inner, (*at, part)))]
