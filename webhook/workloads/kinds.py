"""KINDS: where the pods of each kind are, what of it is immutable, and what its status shows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from webhook.objects.model import Object
from webhook.workloads import rejected
from webhook.workloads.pod import POD_SPEC, Shape

ARGO: Final = ("container", "script", "containerSet.containers.*", "initContainers.*", "sidecars.*")
PATCHES: Final = tuple(f"{part}podSpecPatch" for part in ("", "templates.*.", "templateDefaults.", "artifactGC."))
INLINE: Final = ("templates.*.dag.tasks.*.inline", "templates.*.steps.*.*.inline")
WORKFLOW: Final = Shape(containers=ARGO, parts=("templates.*", *INLINE, "templateDefaults"), texts=PATCHES)
"""A template with a security context does not inherit the workflow's, so it is a pod of its own."""
SPARK: Final = Shape("podSecurityContext", ("initContainers.*", "sidecars.*"), "securityContext", beside=((1, ()),))
SPARK_TEMPLATE: Final = Shape(beside=((2, ()), (3, ())))
"""The pod template inside a driver or executor. The operator merges both into one pod."""
CONTAINER: Final = Shape("", (), own_context="securityContext")
"""A single container that a controller adds to a pod."""
AUTOSCALER: Final = replace(CONTAINER, beside=((1, ("headGroupSpec", "template", "spec")),))
EXPLAINER: Final = replace(CONTAINER, beside=((1, ()),))
WORKSPACE: Final = Shape(containers=(), own_context="containerSecurityContext")
FRAMEWORKS: Final = (
    *("model", "sklearn", "xgboost", "tensorflow", "pytorch", "triton", "onnx", "pmml", "lightgbm", "paddle"),
    *("huggingface", "tensorrt", "alibi", "art", "aix", "custom.container"),
)
PREDICTOR: Final = Shape(containers=(*POD_SPEC.containers, *FRAMEWORKS))


@dataclass(frozen=True, slots=True)
class Kind:
    """The facts about a kind: its resource, where its pods are, and how it may change."""

    resource: str
    pods: tuple[str, ...] = ()
    """Paths of its pod specs (see `expand`)."""
    shape: Shape = POD_SPEC
    others: tuple[tuple[str, Shape], ...] = ()
    """Paths of pods that have another shape, each with that shape."""
    objects: tuple[str, ...] = ()
    """Paths of whole objects inside it. Their own kind says where pods are."""
    rejected: Callable[[Object], bool] | None = None
    """Check whether a stored object shows that OpenShift rejects its pods; None if its status does not tell."""
    seen: tuple[str, ...] | None = None
    """Paths in the status that count pods, for kinds without `rejected`; None if what it creates is rewritten."""
    immutable: tuple[str, ...] = ()
    """Paths that the API server or the kind's own validation keeps from changing."""
    named: str = ""
    """Path of a name. `immutable` holds only while this name is set and unchanged."""
    hashed: bool = False
    """Whether an owning controller identifies the object by a hash of its template."""
    namespaced: bool = True
    operations: tuple[str, ...] = ("CREATE", "UPDATE")
    """The operations that the API server sends. A stored Pod has passed SCC, so its updates are not needed."""


TEMPLATE: Final = ("spec.template.spec",)
PODS: Final = ("status.active", "status.succeeded", "status.failed")
REPLICAS: Final = tuple(path.replace("status", "status.replicaStatuses.*") for path in PODS)
REVISION: Final[Any] = {"immutable": ("spec.template",), "named": "spec.template.metadata.name"}
REPLICATED_JOBS: Final = "replicatedJobs.*.template.spec.template.spec"
RUNTIME_PATCHES: Final = "spec.runtimePatches.*.trainingRuntimeSpec.template.spec"
RAY: Final = ("headGroupSpec.template.spec", "workerGroupSpecs.*.template.spec")
SERVED: Final = ("predictor", "predictor.workerSpec", "transformer", "explainer")
"""A predictor's workers are separate pods. They do not inherit its security context."""

KINDS: Final = {
    "Pod": Kind("pods", ("spec",), immutable=("spec",), operations=("CREATE",)),
    "PodTemplate": Kind("podtemplates", ("template.spec",)),
    "ReplicationController": Kind("replicationcontrollers", TEMPLATE, rejected=rejected.replica_set, hashed=True),
    "Deployment.apps": Kind("deployments", TEMPLATE, rejected=rejected.deployment),
    "StatefulSet.apps": Kind(
        "statefulsets", TEMPLATE, rejected=rejected.stateful_set, immutable=("spec.volumeClaimTemplates",)
    ),
    "DaemonSet.apps": Kind("daemonsets", TEMPLATE, rejected=rejected.daemon_set),
    "ReplicaSet.apps": Kind("replicasets", TEMPLATE, rejected=rejected.replica_set, hashed=True),
    "Job.batch": Kind("jobs", TEMPLATE, seen=PODS, immutable=("spec.template",)),
    "CronJob.batch": Kind("cronjobs", ("spec.jobTemplate.spec.template.spec",)),
    "DeploymentConfig.apps.openshift.io": Kind(
        "deploymentconfigs", TEMPLATE, rejected=rejected.deployment, seen=("status.updatedReplicas",)
    ),
    "Notebook.kubeflow.org": Kind("notebooks", TEMPLATE),
    "PVCViewer.kubeflow.org": Kind("pvcviewers", ("spec.podSpec",)),
    "WorkspaceKind.kubeflow.org": Kind("workspacekinds", ("spec.podTemplate",), WORKSPACE, namespaced=False),
    "TFJob.kubeflow.org": Kind("tfjobs", ("spec.tfReplicaSpecs.*.template.spec",), seen=REPLICAS),
    "PyTorchJob.kubeflow.org": Kind("pytorchjobs", ("spec.pytorchReplicaSpecs.*.template.spec",), seen=REPLICAS),
    "MPIJob.kubeflow.org": Kind("mpijobs", ("spec.mpiReplicaSpecs.*.template.spec", *TEMPLATE), seen=REPLICAS),
    "MXJob.kubeflow.org": Kind("mxjobs", ("spec.mxReplicaSpecs.*.template.spec",), seen=REPLICAS),
    "XGBoostJob.kubeflow.org": Kind("xgboostjobs", ("spec.xgbReplicaSpecs.*.template.spec",), seen=REPLICAS),
    "JAXJob.kubeflow.org": Kind("jaxjobs", ("spec.jaxReplicaSpecs.*.template.spec",), seen=REPLICAS),
    "PaddleJob.kubeflow.org": Kind("paddlejobs", ("spec.paddleReplicaSpecs.*.template.spec",), seen=REPLICAS),
    "Experiment.kubeflow.org": Kind(
        "experiments",
        objects=("spec.trialTemplate.trialSpec", "spec.trialTemplate.goTemplate.rawTemplate"),
        immutable=("spec.trialTemplate",),
    ),
    "Trial.kubeflow.org": Kind("trials", objects=("spec.runSpec",)),
    "TrainingRuntime.trainer.kubeflow.org": Kind("trainingruntimes", (f"spec.template.spec.{REPLICATED_JOBS}",)),
    "ClusterTrainingRuntime.trainer.kubeflow.org": Kind(
        "clustertrainingruntimes", (f"spec.template.spec.{REPLICATED_JOBS}",), namespaced=False
    ),
    "TrainJob.trainer.kubeflow.org": Kind(
        "trainjobs", ("spec.podTemplateOverrides.*.spec",), others=((f"{RUNTIME_PATCHES}.{REPLICATED_JOBS}", POD_SPEC),)
    ),
    "JobSet.jobset.x-k8s.io": Kind("jobsets", (f"spec.{REPLICATED_JOBS}",), immutable=("spec.replicatedJobs",)),
    "Workflow.argoproj.io": Kind("workflows", ("spec",), WORKFLOW),
    "WorkflowTemplate.argoproj.io": Kind("workflowtemplates", ("spec",), WORKFLOW, seen=()),
    "ClusterWorkflowTemplate.argoproj.io": Kind(
        "clusterworkflowtemplates", ("spec",), WORKFLOW, seen=(), namespaced=False
    ),
    "CronWorkflow.argoproj.io": Kind("cronworkflows", ("spec.workflowSpec",), WORKFLOW),
    "SeldonDeployment.machinelearning.seldon.io": Kind(
        "seldondeployments",
        ("spec.predictors.*.componentSpecs.[].spec", "spec.predictors.*.componentSpec.spec"),
        others=(("spec.predictors.*.explainer.containerSpec", EXPLAINER),),
        seen=("status.deploymentStatus.*.availableReplicas",),
    ),
    "InferenceService.serving.kubeflow.org": Kind(
        "inferenceservices",
        tuple(f"spec.{step}.{part}" for step in ("default", "canary") for part in SERVED),
        PREDICTOR,
    ),
    "InferenceService.serving.kserve.io": Kind(
        "inferenceservices", tuple(f"spec.{part}" for part in SERVED), PREDICTOR
    ),
    "ServingRuntime.serving.kserve.io": Kind("servingruntimes", ("spec", "spec.workerSpec"), PREDICTOR),
    "ClusterServingRuntime.serving.kserve.io": Kind(
        "clusterservingruntimes", ("spec", "spec.workerSpec"), PREDICTOR, namespaced=False
    ),
    "Service.serving.knative.dev": Kind("services", TEMPLATE, **REVISION),
    "Configuration.serving.knative.dev": Kind("configurations", TEMPLATE, **REVISION),
    "SparkApplication.sparkoperator.k8s.io": Kind(
        "sparkapplications",
        ("spec.driver", "spec.executor"),
        SPARK,
        (("spec.driver.template.spec", SPARK_TEMPLATE), ("spec.executor.template.spec", SPARK_TEMPLATE)),
        seen=("status.executorState",),
    ),
    "ScheduledSparkApplication.sparkoperator.k8s.io": Kind(
        "scheduledsparkapplications",
        ("spec.template.driver", "spec.template.executor"),
        SPARK,
        (
            ("spec.template.driver.template.spec", SPARK_TEMPLATE),
            ("spec.template.executor.template.spec", SPARK_TEMPLATE),
        ),
    ),
    "SparkConnect.sparkoperator.k8s.io": Kind(
        "sparkconnects", ("spec.server.template.spec", "spec.executor.template.spec")
    ),
    "RayCluster.ray.io": Kind(
        "rayclusters",
        tuple(f"spec.{group}" for group in RAY),
        others=(("spec.autoscalerOptions", AUTOSCALER),),
        seen=("status.head.podIP",),
    ),
    "RayJob.ray.io": Kind(
        "rayjobs",
        ("spec.submitterPodTemplate.spec", *(f"spec.rayClusterSpec.{group}" for group in RAY)),
        others=(("spec.rayClusterSpec.autoscalerOptions", AUTOSCALER),),
    ),
    "RayService.ray.io": Kind(
        "rayservices",
        tuple(f"spec.rayClusterConfig.{group}" for group in RAY),
        others=(("spec.rayClusterConfig.autoscalerOptions", AUTOSCALER),),
    ),
    "Namespace": Kind("namespaces", namespaced=False),
    "ConfigMap": Kind("configmaps"),
    "PersistentVolumeClaim": Kind("persistentvolumeclaims", immutable=("spec",)),
    "Role.rbac.authorization.k8s.io": Kind("roles"),
    "ClusterRole.rbac.authorization.k8s.io": Kind("clusterroles", namespaced=False),
}


def kind_of(api_version: Any, kind: Any) -> str:
    """Return the key of KINDS for an apiVersion and kind; "" if they are not strings."""
    if not isinstance(api_version, str) or not isinstance(kind, str):
        return ""
    group, slash, _ = api_version.partition("/")
    return f"{kind}.{group}" if slash else kind


def group_of(kind: str) -> str:
    """Return the API group of a kind: "apps" for `StatefulSet.apps`, "" for `Pod`."""
    return kind.partition(".")[2]
