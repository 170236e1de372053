"""Random requests for every kind that a rule may meet, and random settings: seeded, and fast enough for a million.

Around the pods of `random_pods`, which reach every edge of SCC, it puts what makes each rule act, and now and
then a value of another type anywhere.
"""

import copy
import json
import random
from typing import Any

from tests.properties.random_pods import pod as random_pod
from tests.properties.random_pods import some
from tests.support.samples import ARGO, SAMPLES, nested, sample
from webhook.objects.model import Object, Request, lookup
from webhook.rules import RULES
from webhook.scc.defaults import RESTRICTED
from webhook.settings.model import Settings
from webhook.workloads.kinds import KINDS

FIRST, LEVEL = 1_000_650_000, "s0:c26,c5"
IMAGES = (
    *(
        "i",
        "metacontroller/metacontroller:v0.3.0",
        "seldonio/seldon-core-operator:0.4.1",
        "kubeflow/pytorch-dist-mnist",
    ),
    *("gcr.io/own/pytorch-dist-mnist:1", "ghcr.io/kubeflow/notebook-servers/jupyter:1", "mysql", "jupyter/x-notebook"),
)
VARIABLES = ("ENGINE_CONTAINER_USER", "EXECUTOR_CONTAINER_USER", "DEFAULT_USER_ID", "OTHER")
ODD: tuple[Any, ...] = (None, True, False, 0, -1, 2**31, 100.0, "100", "", "x", [], {}, [None], [{}], {"a": None})
OWNERS = ("kubeflow.org/v1", "kubeflow.org.evil/v1", "apps/v1")
EXECUTORS = (
    ARGO["config"],
    ARGO["executor"],
    "containerRuntimeExecutor: docker\nexecutor: {securityContext: {runAsUser: 65532, runAsGroup: 65532}}\n",
    "executor:\n  securityContext:\n    runAsUser: 0\n    privileged: true\n",
    "# as shipped\nexecutor:\n  securityContext:\n    runAsUser: 1000  # own\n    runAsNonRoot: false\n",
    "securityContext: {runAsUser: 1000, runAsGroup: 1000}\n",
    "}{",
    "",
)
FRAMEWORKS = ("sklearn", "pytorch", "model", "custom", "workerSpec")


def request(dice: random.Random) -> Request:
    """Return one request: CREATE, or UPDATE of something stored that is the same, nearly the same or another."""
    kind = dice.choice(list(KINDS))
    obj = maybe_odd(dice, fresh(random_object(dice, kind)))
    name = lookup(obj, ("metadata", "name"))
    wanted = Request(kind, "CREATE", obj, namespace=dice.choice(("team", "kubeflow")), name=str(name or ""))
    if dice.random() < 0.5:
        return wanted
    old = fresh(obj if dice.random() < 0.6 else random_object(dice, kind))
    if dice.random() < 0.4:
        odd_in(dice, old)
    subresource = "ephemeralcontainers" if kind == "Pod" and dice.random() < 0.7 else ""
    return Request(kind, "UPDATE", obj, old, wanted.namespace, wanted.name, subresource)


def fresh(obj: Object) -> Object:
    """Return a copy without shared parts, as an object read from JSON has none."""
    deep_copy: Object = json.loads(json.dumps(obj))
    return deep_copy


def settings(dice: random.Random) -> Settings:
    """Return settings: every rule on, off or as it is by default."""
    chosen: dict[str, Any] = {rule: dice.choice((True, True, False)) for rule in RULES if dice.random() < 0.7}
    if dice.random() < 0.5:
        chosen["istio-injection"] = {"namespaces": dice.choice(("profiles", "all", "none"))}
    if dice.random() < 0.3:
        patterns: list[str] = dice.choice((["team"], ["kube*", "*e*"], ["*notebook*"], []))
        chosen["user-namespace"] = {dice.choice(("namespaces", "images")): patterns}
    allocated = dice.choice((Settings().allocated, Settings().allocated, range(1, 2000), range(FIRST, FIRST + 10)))
    everyone = dice.choice(
        (*[("restricted-v2",)] * 3, ("restricted",), ("restricted-v2", "restricted", "restricted-v3"))
    )
    return Settings(allocated, everyone, chosen, exempt_service_accounts=frozenset({"team/trusted"}))


def random_object(dice: random.Random, kind: str) -> Object:
    """Return an object of a kind, with pods wherever it has them."""
    if not KINDS[kind].pods and not KINDS[kind].objects:
        return without_pods(dice, kind)
    obj = sample(kind)
    place_pods(dice, kind, obj)
    if KINDS[kind].objects:
        inner = random_object(dice, dice.choice(("Job.batch", "PyTorchJob.kubeflow.org", "Pod", "ConfigMap")))
        merge(obj, nested(dice.choice(KINDS[kind].objects), inner))
    if kind == "StatefulSet.apps" and dice.random() < 0.5:
        obj["spec"]["volumeClaimTemplates"] = [{"spec": claim(dice)}]
    if kind == "Pod":
        for container in obj["spec"]["containers"][1:] if dice.random() < 0.3 else ():
            container["name"] = "istio-proxy"
        obj["metadata"]["annotations"] = {"openshift.io/scc": dice.choice((*RESTRICTED, "anyuid"))}
    if kind == "Deployment.apps" and dice.random() < 0.3:
        obj["metadata"] |= {"name": dice.choice(("minio", "metadata-db")), "namespace": "kubeflow"}
    if dice.random() < 0.6:
        obj.pop("status", None)
    return obj


def place_pods(dice: random.Random, kind: str, obj: Object) -> None:
    """Put pod specs where the kind has them: in the first place always, in the others sometimes."""
    for path in KINDS[kind].pods:
        if path == KINDS[kind].pods[0] or dice.random() < 0.3:
            merge(obj, nested(path.replace(".[]", ".*"), pod_spec(dice, kind)))
    for path, shape in KINDS[kind].others:
        if dice.random() < 0.3:
            spec = pod_spec(dice, "Pod")
            merge(obj, nested(path, spec if shape.context else spec["containers"][0]))


def pod_spec(dice: random.Random, kind: str) -> Object:
    """Return a pod spec with what rules look for, in the shape that its kind has for it."""
    spec: Object = random_pod(dice, FIRST, LEVEL)["spec"]
    if dice.random() < 0.6:  # a pod that needs a grant keeps its IDs: not too many of them
        for key in ("hostNetwork", "hostPID", "hostIPC", "volumes"):
            spec.pop(key, None)
    spec |= some(dice, "serviceAccountName", 0.4, lambda: dice.choice(("default", "", "trusted", "other")))
    containers = [each for group in ("initContainers", "containers") for each in spec.get(group, ())]
    for container in containers:
        furnish(dice, container)
    if dice.random() < 0.05:
        asks = {key: True for key in ("privileged", "allowPrivilegeEscalation") if dice.random() < 0.8}
        return {"containers": [{**containers[-1], "image": IMAGES[1], "securityContext": asks}]}
    if ".argoproj.io" in kind:
        return argo(dice, spec, containers)
    if kind.endswith("Application.sparkoperator.k8s.io"):
        spec["podSecurityContext"] = spec.pop("securityContext", None)
        return spec | {"sidecars": spec.pop("containers"), "securityContext": context(containers)}
    if kind.startswith("WorkspaceKind"):
        return {"securityContext": spec.get("securityContext"), "containerSecurityContext": context(containers)}
    if "ServingRuntime" in kind or "InferenceService" in kind:
        return served(dice, spec, containers)
    return spec


def furnish(dice: random.Random, container: Object) -> None:
    """Give a container an image, ports, variables and mounts that rules look for."""
    container["image"] = dice.choice(IMAGES)
    if dice.random() < 0.3:
        container["ports"] = [{"containerPort": dice.choice((80, 443, 8080, 0, 1023))}]
    if dice.random() < 0.3:
        env = [{"name": dice.choice(VARIABLES), "value": dice.choice(("8888", "8888", "1"))} for _ in range(3)]
        container["env"] = env
    if dice.random() < 0.2:
        container["volumeMounts"] = [{"name": "data", "mountPath": dice.choice(("/", "/home/jovyan/", "/data/x"))}]
    for key, value in (("command", ["run"]), ("workingDir", "/w"), ("terminationMessagePath", "/t")):
        container |= some(dice, key, 0.2, lambda value=value: value)


def served(dice: random.Random, spec: Object, containers: list[Object]) -> Object:
    """Return KServe's pod spec: some containers stand in fields of frameworks, and workers are a pod of their own."""
    for framework in FRAMEWORKS:
        inner = {"container": containers[0]} if framework == "custom" else containers[-1]
        spec |= some(dice, framework, 0.2, lambda inner=inner: inner)
    if "workerSpec" in spec:
        spec["workerSpec"] = {"containers": [spec["workerSpec"]]}
        spec["workerSpec"] |= some(dice, "securityContext", 0.5, lambda: spec.get("securityContext"))
    return spec


def argo(dice: random.Random, spec: Object, containers: list[Object]) -> Object:
    """Return a workflow whose templates have the containers, and some a security context of their own."""
    templates = []
    for container in containers:
        outputs = {"artifacts": [{"name": "a", "path": dice.choice(("/tmp/out/a", "/a", "/mnt/x/y"))}]}
        template = {dice.choice(("container", "script")): container, **some(dice, "outputs", 0.5, lambda o=outputs: o)}
        template |= some(dice, "securityContext", 0.3, lambda: spec.get("securityContext"))
        template |= some(dice, "serviceAccountName", 0.1, lambda: "trusted")
        template |= some(dice, "volumes", 0.1, lambda: [{"name": "h", "hostPath": {"path": "/"}}])
        templates.append(template | some(dice, "sidecars", 0.2, lambda c=container: [c]))
    defaults = some(dice, "templateDefaults", 0.1, lambda: {"securityContext": {"runAsUser": dice.choice((0, FIRST))}})
    whole = {key: spec[key] for key in ("securityContext", "volumes") if key in spec}
    return whole | defaults | {"templates": templates}


def context(containers: list[Object]) -> Any:
    return containers[-1].get("securityContext")


def without_pods(dice: random.Random, kind: str) -> Object:
    """Return a Namespace, ConfigMap, claim or role."""
    obj = copy.deepcopy(SAMPLES[kind])
    if kind == "Namespace":
        obj["metadata"]["ownerReferences"][0]["apiVersion"] = dice.choice(OWNERS)
        obj["metadata"]["labels"]["istio-injection"] = dice.choice(("enabled", "enabled", "Enabled", "disabled", None))
        obj["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "baseline"
    if kind == "ConfigMap":
        obj["data"] = {"config": dice.choice(EXECUTORS), "executor": dice.choice(EXECUTORS), "other": "x"}
        obj["data"] |= some(dice, "containerRuntimeExecutor", 0.5, lambda: dice.choice(("docker", "pns")))
    if kind == "PersistentVolumeClaim":
        obj["spec"] = claim(dice)
    if "Role" in kind:
        obj["metadata"]["namespace"] = "kubeflow"
        obj["rules"] = [role_rule(dice) for _ in range(dice.randrange(1, 4))]
        obj |= some(dice, "aggregationRule", 0.2, lambda: dice.choice(({}, {"clusterRoleSelectors": []}, None)))
    return obj


def role_rule(dice: random.Random) -> Object:
    resources = ("notebooks", "tfjobs", "workflows", "pods", "notebooks/finalizers", "*", "*/finalizers", "jobsets")
    return {
        "apiGroups": dice.sample(("kubeflow.org", "argoproj.io", "", "*", "jobset.x-k8s.io"), 2),
        "resources": dice.sample(resources, 3),
        "verbs": dice.sample(("get", "create", "update", "*", "delete"), 2),
        **some(dice, "resourceNames", 0.2, lambda: dice.choice(([], ["one"]))),
    }


def claim(dice: random.Random) -> Object:
    modes = ("ReadWriteMany", "ReadWriteOnce", "ReadOnlyMany")
    return {"accessModes": dice.sample(modes, dice.randrange(4)), "storageClassName": "s"}


def maybe_odd(dice: random.Random, obj: Object) -> Object:
    for _ in range(dice.choice((0, 0, 0, 0, 1, 2))):
        odd_in(dice, obj)
    return obj


def odd_in(dice: random.Random, obj: Object) -> None:
    """Put a value of another type somewhere, found by a walk from the root."""
    holder: Any = obj
    while True:
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        key = dice.choice(keys)
        inner = holder[key]
        if not (isinstance(inner, dict | list) and inner) or dice.random() < 0.1:
            holder[key] = copy.deepcopy(dice.choice(ODD))
            return
        holder = inner


def merge(holder: Object, more: Object) -> None:
    """Put a map into another; what both have is merged, and of two lists the second counts."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(holder.get(key), dict):
            merge(holder[key], value)
        else:
            holder[key] = value
