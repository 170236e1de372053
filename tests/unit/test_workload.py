"""Where the pods of every kind are, whatever their shape."""

from dataclasses import replace
from typing import Any

import pytest

from webhook.admission.engine import evaluate
from webhook.admission.review import request_for_manifest
from webhook.objects.model import Object, dotted, lookup
from webhook.settings.model import Settings
from webhook.workloads.find import find_pod_specs, view_pod
from webhook.workloads.kinds import KINDS

FOREIGN = {"runAsUser": 1000}
SPEC = {"containers": [{"name": "main"}]}
TEMPLATE = {"spec": SPEC}
REPLICATED = {"replicatedJobs": [{"name": "node", "template": {"spec": {"template": TEMPLATE}}}]}
RAY = {"headGroupSpec": {"template": TEMPLATE}, "workerGroupSpecs": [{"template": TEMPLATE}, {"template": TEMPLATE}]}
RAY_PODS = ["headGroupSpec.template.spec", "workerGroupSpecs[0].template.spec", "workerGroupSpecs[1].template.spec"]
REPLICAS = {"Master": {"template": TEMPLATE}, "Worker": {"template": TEMPLATE}}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": TEMPLATE}}
WORKFLOW = {"templates": [{"container": {"name": "a"}}, {"script": {"name": "b"}, "securityContext": {}}]}
REPLICATED_PODS = "replicatedJobs[0].template.spec.template.spec"

PODS: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("apps/v1", "Deployment", {"template": TEMPLATE}, ["template.spec"]),
    ("batch/v1", "CronJob", {"jobTemplate": {"spec": {"template": TEMPLATE}}}, ["jobTemplate.spec.template.spec"]),
    ("kubeflow.org/v1", "TFJob", {"tfReplicaSpecs": REPLICAS}, [f"tfReplicaSpecs.{r}.template.spec" for r in REPLICAS]),
    ("kubeflow.org/v1", "PyTorchJob", {"pytorchReplicaSpecs": {"Master": {"template": TEMPLATE}}},
     ["pytorchReplicaSpecs.Master.template.spec"]),
    ("kubeflow.org/v1", "MPIJob", {"mpiReplicaSpecs": {"Launcher": {"template": TEMPLATE}}},
     ["mpiReplicaSpecs.Launcher.template.spec"]),
    ("kubeflow.org/v1alpha1", "MPIJob", {"template": TEMPLATE}, ["template.spec"]),
    ("kubeflow.org/v1", "JAXJob", {"jaxReplicaSpecs": {"Worker": {"template": TEMPLATE}}},
     ["jaxReplicaSpecs.Worker.template.spec"]),
    ("kubeflow.org/v1", "XGBoostJob", {"xgbReplicaSpecs": {"Worker": {"template": TEMPLATE}}},
     ["xgbReplicaSpecs.Worker.template.spec"]),
    ("kubeflow.org/v1beta1", "Experiment", {"trialTemplate": {"trialSpec": JOB}},
     ["trialTemplate.trialSpec.spec.template.spec"]),
    ("kubeflow.org/v1beta1", "Trial", {"runSpec": {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob",
     "spec": {"pytorchReplicaSpecs": REPLICAS}}},
     [f"runSpec.spec.pytorchReplicaSpecs.{r}.template.spec" for r in REPLICAS]),
    ("kubeflow.org/v1beta1", "WorkspaceKind", {"podTemplate": {"securityContext": {}}}, ["podTemplate"]),
    ("trainer.kubeflow.org/v1alpha1", "TrainingRuntime", {"template": {"spec": REPLICATED}},
     [f"template.spec.{REPLICATED_PODS}"]),
    ("trainer.kubeflow.org/v1alpha1", "TrainJob", {"podTemplateOverrides": [{"spec": SPEC}]},
     ["podTemplateOverrides[0].spec"]),
    ("trainer.kubeflow.org/v1alpha1", "TrainJob",
     {"runtimePatches": [{"trainingRuntimeSpec": {"template": {"spec": REPLICATED}}}]},
     [f"runtimePatches[0].trainingRuntimeSpec.template.spec.{REPLICATED_PODS}"]),
    ("trainer.kubeflow.org/v1alpha1", "TrainJob", {"runtimeRef": {"name": "torch"}}, []),
    ("jobset.x-k8s.io/v1alpha2", "JobSet", REPLICATED, [REPLICATED_PODS]),
    ("argoproj.io/v1alpha1", "Workflow", WORKFLOW, ["", "templates[1]"]),
    ("argoproj.io/v1alpha1", "CronWorkflow", {"workflowSpec": WORKFLOW}, ["workflowSpec", "workflowSpec.templates[1]"]),
    ("machinelearning.seldon.io/v1", "SeldonDeployment", {"predictors": [{"componentSpecs": [TEMPLATE, TEMPLATE]}]},
     ["predictors[0].componentSpecs[0].spec", "predictors[0].componentSpecs[1].spec"]),
    ("machinelearning.seldon.io/v1alpha1", "SeldonDeployment", {"predictors": [{"componentSpecs": TEMPLATE}]},
     ["predictors[0].componentSpecs.spec"]),
    ("machinelearning.seldon.io/v1alpha1", "SeldonDeployment", {"predictors": [{"componentSpec": TEMPLATE}]},
     ["predictors[0].componentSpec.spec"]),
    ("machinelearning.seldon.io/v1", "SeldonDeployment", {"predictors": [{"explainer": {"containerSpec": {}}}]},
     ["predictors[0].explainer.containerSpec"]),
    ("serving.kubeflow.org/v1alpha2", "InferenceService", {"default": {"predictor": {"tensorflow": {}}}},
     ["default.predictor"]),
    ("serving.kserve.io/v1beta1", "InferenceService", {"predictor": {"model": {}}, "transformer": SPEC},
     ["predictor", "transformer"]),
    ("serving.kserve.io/v1alpha1", "ServingRuntime", SPEC, [""]),
    ("serving.knative.dev/v1", "Service", {"template": TEMPLATE}, ["template.spec"]),
    ("sparkoperator.k8s.io/v1beta2", "SparkApplication", {"driver": {"cores": 1}, "executor": {"cores": 1}},
     ["driver", "executor"]),
    ("sparkoperator.k8s.io/v1beta2", "SparkApplication", {"driver": {"template": TEMPLATE}, "executor": {}},
     ["driver", "executor", "driver.template.spec"]),
    ("sparkoperator.k8s.io/v1beta2", "ScheduledSparkApplication", {"template": {"executor": {"template": TEMPLATE}}},
     ["template.executor", "template.executor.template.spec"]),
    ("sparkoperator.k8s.io/v1alpha1", "SparkConnect", {"server": {"template": TEMPLATE}, "executor": {"cores": 1}},
     ["server.template.spec"]),
    ("ray.io/v1", "RayCluster", RAY, RAY_PODS),
    ("ray.io/v1", "RayCluster", {"autoscalerOptions": {"securityContext": FOREIGN}}, ["autoscalerOptions"]),
    ("ray.io/v1", "RayJob", {"rayClusterSpec": RAY}, [f"rayClusterSpec.{each}" for each in RAY_PODS]),
    ("ray.io/v1", "RayService", {"rayClusterConfig": RAY}, [f"rayClusterConfig.{each}" for each in RAY_PODS]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "kind", "spec", "expected"), PODS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_pods_of_a_kind_are_found(version: str, kind: str, spec: Object, expected: list[str]) -> None:
    obj = {"apiVersion": version, "kind": kind, "metadata": {}, "spec": spec}
    found = [dotted(at) for at, _ in find_pod_specs(obj, request_for_manifest(obj).kind)]
    assert found == [f"spec.{path}".removesuffix(".") for path in expected]


def fixed(version: str, kind: str, spec: Object) -> Any:
    obj = {"apiVersion": version, "kind": kind, "metadata": {"name": "it", "namespace": "kubeflow"}, "spec": spec}
    outcome = evaluate(request_for_manifest(obj), Settings())
    assert outcome.failures == []
    return lookup(outcome.object, ("spec",))


def test_a_templates_security_context_replaces_the_workflows() -> None:
    """So the workflow's runAsNonRoot does not reach it, and it must have its own."""
    templates = [
        {"name": "inherits", "container": {"securityContext": {"runAsNonRoot": False}}},
        {"name": "own", "securityContext": {"fsGroup": 100}, "container": {"securityContext": FOREIGN}},
    ]
    spec = fixed("argoproj.io/v1alpha1", "Workflow", {"securityContext": FOREIGN, "templates": templates})
    assert spec["securityContext"] == {"runAsNonRoot": True}
    assert spec["templates"][0]["container"]["securityContext"] == {"runAsNonRoot": True}
    assert spec["templates"][1]["securityContext"] == {}
    assert spec["templates"][1]["container"]["securityContext"] == {"runAsNonRoot": True}


PATCH = '{"securityContext": {"fsGroup": 100}}'


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"podSpecPatch": PATCH}, "spec.podSpecPatch"),
        ({"templates": [{"podSpecPatch": PATCH}]}, "spec.templates[0].podSpecPatch"),
        ({"templates": [{"podSpecPatch": PATCH, "securityContext": {}}]}, "spec.templates[0].podSpecPatch"),
        ({"templateDefaults": {"podSpecPatch": PATCH}}, "spec.templateDefaults.podSpecPatch"),
        ({"artifactGC": {"podSpecPatch": PATCH}}, "spec.artifactGC.podSpecPatch"),
        ({"podSpecPatch": '{"priorityClassName": "low"}'}, ""),
        ({"templates": [{"podSpecPatch": "{{inputs.parameters.pod-spec-patch}}"}]}, ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_patch_in_a_text_is_warned_of_once_and_not_rewritten(spec: Object, field: str) -> None:
    obj = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {}, "spec": spec}
    request = request_for_manifest(obj)
    warning = f"left alone: {field} sets a security context; check that OpenShift allows its IDs"
    created = evaluate(request, Settings())
    assert (created.operations, created.warnings) == ([], [warning] if field else [])
    stored = evaluate(replace(request, operation="UPDATE", old=obj), Settings())
    assert stored.warnings == []


def test_every_place_of_a_container_in_an_argo_template_is_reached() -> None:
    inner = {"containers": [{"name": "a", "securityContext": FOREIGN}]}
    named = [{"name": "b", "securityContext": FOREIGN}]
    template = {
        "script": {"securityContext": FOREIGN},
        "containerSet": inner,
        "initContainers": named,
        "sidecars": named,
    }
    done = fixed("argoproj.io/v1alpha1", "Workflow", {"templates": [template]})["templates"][0]
    contexts = [done["script"], *done["containerSet"]["containers"], *done["initContainers"], *done["sidecars"]]
    assert [each["securityContext"] for each in contexts] == [{"runAsNonRoot": True}] * 4


def test_a_spark_driver_is_pod_and_container_at_once() -> None:
    driver = {"podSecurityContext": {"fsGroup": 185}, "securityContext": {"runAsUser": 185}, "sidecars": []}
    assert fixed("sparkoperator.k8s.io/v1beta2", "SparkApplication", {"driver": driver})["driver"] == {
        "podSecurityContext": {},
        "securityContext": {"runAsNonRoot": True},
        "sidecars": [],
    }


def test_a_workspace_kind_has_its_containers_context_beside_the_pods() -> None:
    template = {"securityContext": {"fsGroup": 100}, "containerSecurityContext": FOREIGN}
    assert fixed("kubeflow.org/v1beta1", "WorkspaceKind", {"podTemplate": template})["podTemplate"] == {
        "securityContext": {},
        "containerSecurityContext": {"runAsNonRoot": True},
    }


def test_a_predictors_model_is_a_container() -> None:
    predictor = {"model": {"securityContext": FOREIGN}, "containers": [{"name": "proxy", "securityContext": FOREIGN}]}
    done = fixed("serving.kserve.io/v1beta1", "InferenceService", {"predictor": predictor})["predictor"]
    assert [done["model"]["securityContext"], done["containers"][0]["securityContext"]] == [{"runAsNonRoot": True}] * 2


@pytest.mark.parametrize(
    ("version", "kind", "spec", "field"),
    [
        ("kubeflow.org/v1alpha3", "Experiment", {"trialTemplate": {"goTemplate": {"rawTemplate": "kind: Job"}}},
         "spec.trialTemplate.goTemplate.rawTemplate is not a map"),
        ("kubeflow.org/v1alpha3", "Trial", {"runSpec": "kind: Job"}, "spec.runSpec is not a map"),
        ("kubeflow.org/v1", "TFJob", {"tfReplicaSpecs": "x"}, "spec.tfReplicaSpecs is not a map or a list"),
        ("apps/v1", "Deployment", {"template": {"spec": []}}, "spec.template.spec is not a map"),
    ],
)  # fmt: skip
def test_an_unknown_shape_is_left_alone_with_a_warning(version: str, kind: str, spec: Object, field: str) -> None:
    obj = {"apiVersion": version, "kind": kind, "metadata": {}, "spec": spec}
    outcome = evaluate(request_for_manifest(obj), Settings())
    assert (outcome.operations, outcome.failures) == ([], [])
    assert any(field in warning for warning in outcome.warnings), outcome.warnings


def test_kinds_name_their_resource_in_lower_case_plural_and_their_group_after_the_first_dot() -> None:
    for kind, facts in KINDS.items():
        assert facts.resource == facts.resource.lower()
        assert facts.resource.startswith(kind.partition(".")[0].lower()[:4])


def test_an_empty_pod_is_no_pod() -> None:
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {}}
    request = request_for_manifest(obj)
    assert [view_pod(request, at, shape, Settings()) for at, shape in find_pod_specs(obj, "Pod")] == [None]
