"""Objects that cost much to rewrite, each grown to a size: by hand, or found by `python -m tests.properties worst`."""

import itertools
import json
import string
import time
from collections.abc import Callable
from typing import Any, Final

from webhook.admission import review
from webhook.admission.engine import evaluate
from webhook.admission.review import LARGE, MOST_VALUES
from webhook.manifests.editor import MOST_EVENTS
from webhook.objects.model import Object
from webhook.rules import RULES
from webhook.settings.model import Settings
from webhook.workloads.kinds import group_of, kind_of
from webhook.workloads.pod import SKIP_ANNOTATION

BRIEF: Final = 2**15
LARGEST: Final = 7 * 2**20
ALL_ON: Final = Settings(rules=dict.fromkeys(RULES, True))

IDS: Final = {"runAsUser": 1, "runAsGroup": 1}
READY: Final = {"readyReplicas": 1, "updatedReplicas": 1, "replicas": 1}

Grown = tuple[Object, Object | None]
"""An object, and the stored one where the request is an UPDATE."""


def body(kind: str, obj: Object, old: Object | None = None) -> bytes:
    """Write the review that an API server would send of an object."""
    group, version = group_of(kind), obj["apiVersion"].rpartition("/")[2]
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": group, "version": version, "kind": kind.partition(".")[0]},
        "name": "x",
        "namespace": "team-a",
        "operation": "UPDATE" if old else "CREATE",
        "object": obj,
        **({"oldObject": old} if old else {}),
    }
    whole = {"kind": "AdmissionReview", "apiVersion": review.VERSIONS[0], "request": request}
    return json.dumps(whole, separators=(",", ":")).encode()


def values(sent: bytes) -> int:
    """Return what the server counts before it reads a large review."""
    return sum(map(sent.count, (b"{", b"[", b",")))


def seconds(sent: bytes) -> float:
    """Return the seconds of CPU that answering a body costs, but for HTTP."""
    start = time.process_time()
    if len(sent) <= LARGE or values(sent) <= MOST_VALUES:  # else it is allowed unread
        request = review.decode(sent)
        review.respond(request, evaluate(request, ALL_ON))
    return time.process_time() - start


def loop() -> float:
    """Return the seconds of CPU of a fixed piece of work: a machine may take 0.1 s for it.

    With it, a test compares what a body costs with what this machine is able to, busy or slow as it may be.
    """
    start = time.process_time()
    for number in range(LOOPS):
        text = json.dumps({"a": [number, {"b": "c" * 20}], "d": {"e": number}})
        if json.loads(text)["a"][0] != number:
            raise AssertionError
    return time.process_time() - start


LOOPS: Final = 23_000


def of(kind: str, spec: Object, **more: Any) -> Object:
    """Return an object of a kind, such as `Deployment.apps`."""
    version = "v1" if "." not in kind else f"{group_of(kind)}/v1"
    return {"apiVersion": version, "kind": kind.partition(".")[0], "metadata": {"name": "x"}, "spec": spec, **more}


def deployment(containers: list[Object], **spec: Any) -> Object:
    return of("Deployment.apps", {"template": {"spec": {"containers": containers, **spec}}})


def _times(item: Any, room: int) -> int:
    """Return how many of an item go into some bytes."""
    return room // (len(json.dumps(item, separators=(",", ":"))) + 1)


def _names(room: int) -> str:
    return ",".join(itertools.islice(map("".join, itertools.product(string.ascii_lowercase, repeat=5)), room // 6))


def _config(**texts: str) -> Object:
    return {**of("ConfigMap", {}), "metadata": {"name": "workflow-controller-configmap"}, "data": texts}


def _yaml(head: str, unit: str, tail: str = "") -> Callable[[int], Grown]:
    def grow(room: int) -> Grown:
        share = (room if "\n" not in unit else room * 2 // 3) - len(head + tail)  # a line break has two in JSON
        return _config(config=head + unit * (share // len(unit)) + tail), None

    return grow


def _yamls(_room: int) -> Grown:
    """Have each text read and changed that Argo's rule knows, as large as it still is."""
    container = "securityContext: {runAsUser: 1, runAsGroup: 1}\n"
    template = "  - {securityContext: {runAsUser: 1, runAsGroup: 1}, container: {}}\n"
    defaults = "spec:\n  templates:\n" + template * 3
    lines = "x: [" + "a," * (MOST_EVENTS - 100) + "]\n"
    config = f"containerRuntimeExecutor: docker\nexecutor: {{{container.strip()}}}\n{lines}"
    return _config(
        config=config, executor=container + lines, mainContainer=container + lines, workflowDefaults=defaults + lines
    ), None


def _containers(container: Object, **spec: Any) -> Callable[[int], Grown]:
    return lambda room: (deployment([container] * _times(container, room), **spec), None)


def _templates(template: Object) -> Callable[[int], Grown]:
    return lambda room: (of("Workflow.argoproj.io", {"templates": [template] * _times(template, room)}), None)


def _annotation(room: int) -> Grown:
    return {**deployment([{}]), "metadata": {"name": "x", "annotations": {SKIP_ANNOTATION: _names(room)}}}, None


def _annotations(room: int) -> Grown:
    template = {"metadata": {"annotations": {SKIP_ANNOTATION: _names(1020)}}, "securityContext": {}, "container": {}}
    return _templates(template)(room)


def _reversed(room: int) -> Grown:
    """Make what looks for a container by its name look long."""
    count = _times({"name": "12345", "securityContext": IDS}, room // 2)
    containers = [{"name": str(number), "securityContext": IDS} for number in range(count)]
    return deployment(containers), {**deployment(containers[::-1]), "status": READY}


def _named(room: int) -> Grown:
    """Have each of many small containers looked for among those that are stored."""
    count = _times({"name": "1234"}, room // 2)
    containers = [{"name": str(number)} for number in range(count)]
    old = deployment([{}] * (room // 9) + containers[-20:], securityContext=IDS)
    return deployment(containers), {**old, "status": READY}


def _ports(room: int) -> Grown:
    ports = [
        {"name": str(n), "containerPort": 80} for n in range(_times({"name": "12345", "containerPort": 80}, room // 2))
    ]
    return deployment([{"ports": ports}]), {**deployment([{"ports": ports[::-1]}]), "status": READY}


def _volumes(room: int) -> Grown:
    container = {"image": "a/jupyter/x-notebook"}
    return deployment([container] * _times(container, room // 2), volumes=[{}] * (room // 6)), None


def _variables(room: int) -> Grown:
    variable = {"name": "ENGINE_CONTAINER_USER", "value": "8888"}
    return deployment([{"image": "seldon-core-operator", "env": [variable] * _times(variable, room)}]), None


def _operators(room: int) -> Grown:
    variable = {"name": "ENGINE_CONTAINER_USER", "value": "8888"}
    container = {"image": "seldon-core-operator", "env": [variable] * min(1000, _times(variable, room))}
    return deployment([container] * max(1, _times(container, room))), None


def _outputs(room: int) -> Grown:
    paths = [{"path": f"/{number}/a"} for number in range(_times({"path": "/12345/a"}, room))]
    return of("Workflow.argoproj.io", {"templates": [{"container": {}, "outputs": {"artifacts": paths}}]}), None


def _role(rule: Object) -> Callable[[int], Grown]:
    def grow(room: int) -> Grown:
        role = of("ClusterRole.rbac.authorization.k8s.io", {})
        return {**role, "rules": [rule] * _times(rule, room)}, None

    return grow


def _replicas(room: int) -> Grown:
    spec = {"template": {"spec": {"containers": [{"securityContext": IDS}]}}}
    count = _times({"12345": spec}, room)
    return of("PyTorchJob.kubeflow.org", {"pytorchReplicaSpecs": {str(n): spec for n in range(count)}}), None


def _shared(key: str, item: Object, template: Object | None = None) -> Callable[[int], Grown]:
    """Have many templates share a long list or map."""

    def grow(room: int) -> Grown:
        each = template or {"container": {}}
        templates, count = [each] * min(450, _times(each, room // 3)), _times(item, room // 2)
        shared = {f"a{n}": "" for n in range(count)} if key == "annotations" else [item] * count
        spec = {"securityContext": IDS, "templates": templates}
        more = {"podMetadata": {key: shared}} if key == "annotations" else {"templateDefaults": {key: shared}}
        return of("Workflow.argoproj.io", spec | more), None

    return grow


def _apart(room: int) -> Grown:
    """Have many templates keep a security context that one of them loses."""
    kept = {"container": {"securityContext": {"privileged": True}}}
    context = {"runAsUser": 1, "x": "x" * (room // 2)}
    templates = [kept] * min(450, _times(kept, room // 2))
    return of("Workflow.argoproj.io", {"securityContext": context, "templates": [*templates, {"container": {}}]}), None


def _status(status: Callable[[int], Object]) -> Callable[[int], Grown]:
    """Have the status of what is stored be long."""

    def grow(room: int) -> Grown:
        template = {"container": {}, "securityContext": IDS}
        made = of("Workflow.argoproj.io", {"templates": [template] * min(450, room // 200)})
        changed = {**made, "spec": {**made["spec"], "suspend": True}}
        return changed, {**made, "status": status(room // 3)}

    return grow


def _rejection(room: int) -> Object:
    message = "unable to validate against any security context constraint: " + "provider a: " * (room // 12)
    return {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": message}]}


def _replica_statuses(room: int) -> Grown:
    spec = {"template": {"spec": {"containers": [{"name": "c", "securityContext": IDS}]}}}
    replicas = {str(number): spec for number in range(min(450, room // 500))}
    made = of("PyTorchJob.kubeflow.org", {"pytorchReplicaSpecs": replicas})
    statuses: Object = {f"{number:05}": {} for number in range(_times({"12345": {}}, room // 3))}
    return {**made, "spec": {**made["spec"], "runPolicy": {}}}, {**made, "status": {"replicaStatuses": statuses}}


def _taken_back(room: int) -> Grown:
    """Change each of many pods that may not change, and that is not quite as it is stored."""

    def made(image: str, **context: Any) -> Object:
        container = {"image": image, "securityContext": {"runAsNonRoot": True, **context}}
        job = {"template": {"spec": {"template": {"spec": {"containers": [container]}}}}}
        jobs = [{"name": str(number), **job} for number in range(min(450, room // 500))]
        return of("JobSet.jobset.x-k8s.io", {"replicatedJobs": jobs, "pad": ["pad"] * (room // 50)})

    return made("a", runAsUser=1), made("b")


def _long_key(room: int) -> Grown:
    pod = {"securityContext": {**IDS, "fsGroup": 1}, "containers": [{"securityContext": IDS}, {"securityContext": IDS}]}
    specs = [{"spec": pod}] * min(250, _times({"spec": pod}, room // 2))
    predictors = {"k" * (room // 2): {"componentSpecs": specs}}
    return of("SeldonDeployment.machinelearning.seldon.io", {"predictors": predictors}), None


def _spark(room: int) -> Grown:
    container = {"securityContext": IDS}
    spec = {"driver": {"template": {"spec": {"containers": [container] * _times(container, room)}}}}
    return of("SparkApplication.sparkoperator.k8s.io", spec), None


def _sysctls(room: int) -> Grown:
    sysctls = [{"name": "kernel.shm_rmid_forced"}] * _times({"name": "kernel.shm_rmid_forced"}, room // 2)
    spec = {"securityContext": {**IDS, "sysctls": sysctls}, "templates": [{}] * min(990, room // 6)}
    return of("Workflow.argoproj.io", spec), None


def _by_name(room: int) -> Grown:
    templates: Object = {str(number): {} for number in range(min(990, _times({"123": {}}, room // 2)))}
    spec = {"templates": templates, "volumes": [{}] * (room // 6), "securityContext": IDS}
    return of("Workflow.argoproj.io", spec), None


SHAPES: Final[dict[str, Callable[[int], Grown]]] = {
    "names in the annotation": _annotation,
    "an annotation for each template": _annotations,
    "a flow list of YAML": _yaml("containerRuntimeExecutor: docker\nx: [", "a,", "]"),
    "YAML strings": _yamls,
    "lines of YAML": _yaml("securityContext: {runAsUser: 1000}\n", "k:\n"),
    "empty containers": _containers({}),
    "containers with IDs": _containers({"securityContext": IDS}),
    "containers below IDs": _containers({}, securityContext=IDS),
    "containers with low ports": _containers({"ports": [{"containerPort": 80}]}),
    "long images": _containers({"image": "jupyter/" * 31}),
    "empty templates": _templates({}),
    "templates with IDs": _templates({"securityContext": IDS, "container": {"securityContext": IDS}}),
    "templates with a context": _templates({"securityContext": {}, "container": {}}),
    "stored in the opposite order": _reversed,
    "containers that are not stored": _named,
    "ports in the opposite order": _ports,
    "volumes before notebooks": _volumes,
    "variables of one operator": _variables,
    "variables of many operators": _operators,
    "outputs of a template": _outputs,
    "rules of a role": _role({"verbs": ["*"], "apiGroups": ["*"], "resources": ["x"]}),
    "resources of a role": _role({"verbs": ["*"], "apiGroups": ["*"], "resources": ["x"] * 1000}),
    "replica types": _replicas,
    "a long key": _long_key,
    "containers of a template of Spark": _spark,
    "sysctls that templates share": _sysctls,
    "templates by name": _by_name,
    "annotations that templates share": _shared("annotations", {"a1234": ""}),
    "volumes that templates share": _shared("volumes", {"name": "v", "emptyDir": {}}),
    "volumes of templates with a context": _shared(
        "volumes", {"name": "v", "emptyDir": {}}, {"container": {}, "securityContext": IDS}
    ),
    "templates left apart": _apart,
    "a long rejection": _status(_rejection),
    "many conditions": _status(lambda room: {"conditions": [{}] * (room // 3)}),
    "many replica statuses": _replica_statuses,
    "pods that go back": _taken_back,
}


def grown(name: str, size: int) -> bytes:
    """Return a body of a shape, of nearly a size in bytes."""
    obj, old = SHAPES[name](size - 600)
    return body(kind_of(obj["apiVersion"], obj["kind"]), obj, old)


def largest(name: str) -> bytes:
    """Return the largest body of a shape that is read at all."""
    most = grown(name, LARGEST)
    return most if values(most) <= MOST_VALUES else grown(name, LARGEST * (MOST_VALUES - 5000) // values(most))
