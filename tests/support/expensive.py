"""Objects that cost much to rewrite, each grown to a size: by hand, or found by `python -m tests.properties worst`."""

import itertools
import string
from collections.abc import Callable
from typing import Any, Final

from tests.support import expensive_updates
from tests.support.costs import IDS, Grown, body, deployment, of, times, values
from webhook.admission.review import MOST_VALUES
from webhook.manifests.editor import MOST_EVENTS
from webhook.objects.model import Object
from webhook.workloads.kinds import kind_of
from webhook.workloads.pod import SKIP_ANNOTATION

BRIEF: Final = 2**15
LARGEST: Final = 7 * 2**20


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
    return lambda room: (deployment([container] * times(container, room), **spec), None)


def _templates(template: Object) -> Callable[[int], Grown]:
    return lambda room: (of("Workflow.argoproj.io", {"templates": [template] * times(template, room)}), None)


def _annotation(room: int) -> Grown:
    return {**deployment([{}]), "metadata": {"name": "x", "annotations": {SKIP_ANNOTATION: _names(room)}}}, None


def _annotations(room: int) -> Grown:
    template = {"metadata": {"annotations": {SKIP_ANNOTATION: _names(1020)}}, "securityContext": {}, "container": {}}
    return _templates(template)(room)


def _volumes(room: int) -> Grown:
    container = {"image": "a/jupyter/x-notebook"}
    return deployment([container] * times(container, room // 2), volumes=[{}] * (room // 6)), None


def _variables(room: int) -> Grown:
    variable = {"name": "ENGINE_CONTAINER_USER", "value": "8888"}
    return deployment([{"image": "seldon-core-operator", "env": [variable] * times(variable, room)}]), None


def _operators(room: int) -> Grown:
    variable = {"name": "ENGINE_CONTAINER_USER", "value": "8888"}
    container = {"image": "seldon-core-operator", "env": [variable] * min(1000, times(variable, room))}
    return deployment([container] * max(1, times(container, room))), None


def _outputs(room: int) -> Grown:
    paths = [{"path": f"/{number}/a"} for number in range(times({"path": "/12345/a"}, room))]
    return of("Workflow.argoproj.io", {"templates": [{"container": {}, "outputs": {"artifacts": paths}}]}), None


def _role(rule: Object) -> Callable[[int], Grown]:
    def grow(room: int) -> Grown:
        role = of("ClusterRole.rbac.authorization.k8s.io", {})
        return {**role, "rules": [rule] * times(rule, room)}, None

    return grow


def _replicas(room: int) -> Grown:
    spec = {"template": {"spec": {"containers": [{"securityContext": IDS}]}}}
    count = times({"12345": spec}, room)
    return of("PyTorchJob.kubeflow.org", {"pytorchReplicaSpecs": {str(n): spec for n in range(count)}}), None


def _shared(key: str, item: Object, template: Object | None = None) -> Callable[[int], Grown]:
    """Have many templates share a long list or map."""

    def grow(room: int) -> Grown:
        each = template or {"container": {}}
        templates, count = [each] * min(450, times(each, room // 3)), times(item, room // 2)
        shared = {f"a{n}": "" for n in range(count)} if key == "annotations" else [item] * count
        spec = {"securityContext": IDS, "templates": templates}
        more = {"podMetadata": {key: shared}} if key == "annotations" else {"templateDefaults": {key: shared}}
        return of("Workflow.argoproj.io", spec | more), None

    return grow


def _apart(room: int) -> Grown:
    """Have many templates keep a security context that one of them loses."""
    kept = {"container": {"securityContext": {"privileged": True}}}
    context = {"runAsUser": 1, "x": "x" * (room // 2)}
    templates = [kept] * min(450, times(kept, room // 2))
    return of("Workflow.argoproj.io", {"securityContext": context, "templates": [*templates, {"container": {}}]}), None


def _long_key(room: int) -> Grown:
    pod = {"securityContext": {**IDS, "fsGroup": 1}, "containers": [{"securityContext": IDS}, {"securityContext": IDS}]}
    specs = [{"spec": pod}] * min(250, times({"spec": pod}, room // 2))
    predictors = {"k" * (room // 2): {"componentSpecs": specs}}
    return of("SeldonDeployment.machinelearning.seldon.io", {"predictors": predictors}), None


def _spark(room: int) -> Grown:
    container = {"securityContext": IDS}
    spec = {"driver": {"template": {"spec": {"containers": [container] * times(container, room)}}}}
    return of("SparkApplication.sparkoperator.k8s.io", spec), None


def _sysctls(room: int) -> Grown:
    sysctls = [{"name": "kernel.shm_rmid_forced"}] * times({"name": "kernel.shm_rmid_forced"}, room // 2)
    spec = {"securityContext": {**IDS, "sysctls": sysctls}, "templates": [{}] * min(990, room // 6)}
    return of("Workflow.argoproj.io", spec), None


def _by_name(room: int) -> Grown:
    templates: Object = {str(number): {} for number in range(min(990, times({"123": {}}, room // 2)))}
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
    "stored in the opposite order": expensive_updates.in_opposite_order,
    "containers that are not stored": expensive_updates.not_stored,
    "ports in the opposite order": expensive_updates.ports_in_opposite_order,
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
    "a long rejection": expensive_updates.status(expensive_updates.rejection),
    "many conditions": expensive_updates.status(lambda room: {"conditions": [{}] * (room // 3)}),
    "many replica statuses": expensive_updates.replica_statuses,
    "pods that go back": expensive_updates.taken_back,
}


def grown(name: str, size: int) -> bytes:
    """Return a body of a shape, of nearly a size in bytes."""
    obj, old = SHAPES[name](size - 600)
    return body(kind_of(obj["apiVersion"], obj["kind"]), obj, old)


def largest(name: str) -> bytes:
    """Return the largest body of a shape that is read at all."""
    most = grown(name, LARGEST)
    return most if values(most) <= MOST_VALUES else grown(name, LARGEST * (MOST_VALUES - 5000) // values(most))
