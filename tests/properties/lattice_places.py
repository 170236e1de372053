"""Where pods live, told a second time: the lattice's own table, which must not come from the code that it judges."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Object = dict[str, Any]
Pointer = tuple[str | int, ...]

CONTAINERS: Final = "initContainers.* containers.* ephemeralContainers.*"
TEMPLATE: Final = "spec.template.spec"
JOBS: Final = "replicatedJobs.*.template.spec.template.spec"
RAY: Final = ("headGroupSpec.template.spec", "workerGroupSpecs.*.template.spec")
SERVED: Final = ("predictor", "predictor.workerSpec", "transformer", "explainer")
ARGO: Final = "container script containerSet.containers.* initContainers.* sidecars.*"
TEMPLATES: Final = ("templates.*", "templates.*.dag.tasks.*.inline", "templates.*.steps.*.*.inline")
FRAMEWORKS: Final = (
    "model sklearn xgboost tensorflow pytorch triton onnx pmml lightgbm paddle huggingface tensorrt alibi art aix "
    "custom.container"
)

PODS: Final[dict[str, tuple[str, ...]]] = {
    "Pod": ("spec",),
    "PodTemplate": ("template.spec",),
    **dict.fromkeys(("ReplicationController", "Job.batch", "DeploymentConfig.apps.openshift.io"), (TEMPLATE,)),
    **dict.fromkeys(("Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "ReplicaSet.apps"), (TEMPLATE,)),
    "CronJob.batch": ("spec.jobTemplate.spec.template.spec",),
    "Notebook.kubeflow.org": (TEMPLATE,),
    "PVCViewer.kubeflow.org": ("spec.podSpec",),
    "TFJob.kubeflow.org": ("spec.tfReplicaSpecs.*.template.spec",),
    "PyTorchJob.kubeflow.org": ("spec.pytorchReplicaSpecs.*.template.spec",),
    "MPIJob.kubeflow.org": ("spec.mpiReplicaSpecs.*.template.spec", TEMPLATE),
    "MXJob.kubeflow.org": ("spec.mxReplicaSpecs.*.template.spec",),
    "XGBoostJob.kubeflow.org": ("spec.xgbReplicaSpecs.*.template.spec",),
    "PaddleJob.kubeflow.org": ("spec.paddleReplicaSpecs.*.template.spec",),
    **dict.fromkeys(
        ("TrainingRuntime.trainer.kubeflow.org", "ClusterTrainingRuntime.trainer.kubeflow.org"),
        (f"spec.template.spec.{JOBS}",),
    ),
    "JAXJob.kubeflow.org": ("spec.jaxReplicaSpecs.*.template.spec",),
    "TrainJob.trainer.kubeflow.org": (
        "spec.podTemplateOverrides.*.spec",
        f"spec.runtimePatches.*.trainingRuntimeSpec.template.spec.{JOBS}",
    ),
    "JobSet.jobset.x-k8s.io": (f"spec.{JOBS}",),
    "SeldonDeployment.machinelearning.seldon.io": (
        "spec.predictors.*.componentSpecs.*.spec",
        "spec.predictors.*.componentSpecs.spec",
        "spec.predictors.*.componentSpec.spec",
    ),
    **dict.fromkeys(("Service.serving.knative.dev", "Configuration.serving.knative.dev"), (TEMPLATE,)),
    **{
        f"{kind}.sparkoperator.k8s.io": tuple(f"{path}.template.spec" for path in paths.split())
        for kind, paths in {
            "SparkApplication": "spec.driver spec.executor",
            "ScheduledSparkApplication": "spec.template.driver spec.template.executor",
            "SparkConnect": "spec.server spec.executor",
        }.items()
    },
    "RayCluster.ray.io": tuple(f"spec.{group}" for group in RAY),
    "RayJob.ray.io": ("spec.submitterPodTemplate.spec", *(f"spec.rayClusterSpec.{group}" for group in RAY)),
    "RayService.ray.io": tuple(f"spec.rayClusterConfig.{group}" for group in RAY),
}
ARGO_SPECS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys((f"{kind}.argoproj.io" for kind in ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate")),
                    ("spec",)),
    "CronWorkflow.argoproj.io": ("spec.workflowSpec",),
    "ConfigMap": ("data.config.workflowDefaults.spec", "data.workflowDefaults.spec"),
}  # fmt: skip
SPARK: Final = {
    "SparkApplication.sparkoperator.k8s.io": ("spec.driver", "spec.executor"),
    "ScheduledSparkApplication.sparkoperator.k8s.io": ("spec.template.driver", "spec.template.executor"),
}
SERVING: Final = {
    "InferenceService.serving.kserve.io": tuple(f"spec.{part}" for part in SERVED),
    "InferenceService.serving.kubeflow.org": tuple(
        f"spec.{step}.{part}" for step in ("default", "canary") for part in SERVED
    ),
    "ServingRuntime.serving.kserve.io": ("spec", "spec.workerSpec"),
    "ClusterServingRuntime.serving.kserve.io": ("spec", "spec.workerSpec"),
}
WORKSPACE: Final = {"WorkspaceKind.kubeflow.org": ("spec.podTemplate",)}
ALONE: Final[dict[str, tuple[str, ...]]] = {
    "ConfigMap": tuple(f"data.{path}{key}" for path in ("", "config.") for key in ("executor", "mainContainer")),
    "RayCluster.ray.io": ("spec.autoscalerOptions",),
    "RayJob.ray.io": ("spec.rayClusterSpec.autoscalerOptions",),
    "RayService.ray.io": ("spec.rayClusterConfig.autoscalerOptions",),
    "SeldonDeployment.machinelearning.seldon.io": ("spec.predictors.*.explainer.containerSpec",),
}
"""Containers alone, which a controller puts into a pod."""
LAYOUTS: Final[tuple[tuple[Mapping[str, tuple[str, ...]], str, str, str], ...]] = (
    (PODS, "securityContext", CONTAINERS, ""),
    (SERVING, "securityContext", f"{CONTAINERS} {FRAMEWORKS}", ""),
    (SPARK, "podSecurityContext", "initContainers.* sidecars.*", "securityContext"),
    (WORKSPACE, "securityContext", "", "containerSecurityContext"),
    (ALONE, "has no pod's", "", "securityContext"),
)
"""By kind, where pods are; in each its own security context, its containers, and its context as a container."""
INSIDE: Final = {
    "Experiment.kubeflow.org": ("spec.trialTemplate.trialSpec", "spec.trialTemplate.goTemplate.rawTemplate"),
    "Trial.kubeflow.org": ("spec.runSpec",),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What becomes one pod: its spec, its own security context, and for each container itself and its context."""

    spec: Pointer
    context: Pointer
    containers: tuple[tuple[Pointer, Pointer], ...]


def found(value: Any, at: Pointer) -> Any:
    """Return what is at a pointer; None where there is nothing."""
    for part in at:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def places(obj: Any, at: Pointer, path: str) -> Iterator[Pointer]:
    """Yield the pointer of everything that is there at a dotted path; `*` is each value of a map or a list."""
    name, _, rest = path.partition(".")
    value = found(obj, at)
    if not path:
        yield at
    elif name == "*":
        parts = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        for part in parts:
            yield from places(obj, (*at, part), rest)
    elif isinstance(value, dict) and value.get(name) is not None:
        yield from places(obj, (*at, name), rest)


def scopes(kind: str, obj: Object, at: Pointer = ()) -> Iterator[Scope]:
    """Yield every pod of an object at a pointer, whatever its kind calls one."""
    for table, context, listed, own in LAYOUTS:
        for spec in (spec for path in table.get(kind, ()) for spec in places(obj, at, path)):
            itself = ((spec, (*spec, own)),) if own else ()
            yield Scope(spec, (*spec, context), (*itself, *_containers(obj, spec, listed)))
    for spec in (spec for path in ARGO_SPECS.get(kind, ()) for spec in places(obj, at, path)):
        yield from _argo(obj, spec)
    for inner in (inner for path in INSIDE.get(kind, ()) for inner in places(obj, at, path)):
        group, slash, _ = str(found(obj, (*inner, "apiVersion"))).partition("/")
        name = found(obj, (*inner, "kind"))
        yield from scopes(f"{name}.{group}" if slash else str(name), obj, inner)


def _argo(obj: Object, spec: Pointer) -> Iterator[Scope]:
    """Yield Argo's pods, one for each template: its own security context, where it has one, replaces the workflow's."""
    inheriting: tuple[tuple[Pointer, Pointer], ...] = ()
    for template in (at for path in (*TEMPLATES, "templateDefaults") for at in places(obj, spec, path)):
        containers = _containers(obj, template, ARGO)
        if found(obj, (*template, "securityContext")) is None:
            inheriting += containers
        else:
            yield Scope(template, (*template, "securityContext"), containers)
    yield Scope(spec, (*spec, "securityContext"), inheriting)


def said_by_templates(kind: str, before: Object, after: Object) -> Object:
    """Return a workflow in which templates say by themselves what they inherit, where they do so in another version."""
    for spec in (spec for path in ARGO_SPECS.get(kind, ()) for spec in places(before, (), path)):
        inherited = found(before, (*spec, "securityContext"))
        alone = found(before, (*spec, "templateDefaults")) is None
        for at in (at for path in TEMPLATES for at in places(before, spec, path)) if alone else ():
            own = (*at, "securityContext")
            same = json.dumps(found(after, own), sort_keys=True) == json.dumps(inherited, sort_keys=True)
            if inherited is not None and found(before, own) is None and same:
                before = json.loads(json.dumps(before))
                found(before, at)["securityContext"] = inherited
    return before


def _containers(obj: Object, spec: Pointer, paths: str) -> tuple[tuple[Pointer, Pointer], ...]:
    found_at = [at for path in paths.split() for at in places(obj, spec, path)]
    return tuple((at, (*at, "securityContext")) for at in found_at)
