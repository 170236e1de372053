"""Rows S1-S8 and N2-N4 on small objects: rejected before, admitted after. The table goes to docs/rows.md."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.rig.cluster import Cluster
from tests.support.installed import OPTED_IN, namespace
from tests.support.notebooks import desired
from tests.support.rows import verdict, workload
from webhook.admission.engine import evaluate
from webhook.admission.review import request_for_manifest
from webhook.settings.model import Settings

Show = Callable[..., None]


@pytest.fixture(scope="module")
def sides(cluster: Cluster) -> tuple[str, str]:
    """Return a namespace that the webhook is not asked about, and one that it is."""
    return namespace(cluster, "rows-without"), namespace(cluster, "rows-with", **OPTED_IN)


SECURITY = {
    "S1": ("the notebook controller's StatefulSet, fsGroup 100", {**desired(), "metadata": {"name": "row-s1"}}),
    "S8": (
        "the Deployment of a SeldonDeployment, engine with UID 8888",
        workload("row-s8", {"securityContext": {"runAsUser": 8888}}),
    ),
    "N1": ("a component of 26.03, UID 1000", workload("row-n1", {"securityContext": {"runAsUser": 1000}})),
    "N3": (
        "metacontroller 0.3, privileged for nothing",
        workload(
            "row-n3",
            {
                "image": "metacontroller/metacontroller:v0.3.0",
                "securityContext": {"privileged": True, "allowPrivilegeEscalation": True},
            },
        ),
    ),
}


@pytest.mark.parametrize("row", SECURITY)
def test_refused_without_us_and_admitted_with_us(
    cluster: Cluster, sides: tuple[str, str], show: Show, row: str
) -> None:
    what, obj = SECURITY[row]
    without, with_us = (verdict(cluster, where, obj) for where in sides)
    assert without.startswith("refused: ")
    assert with_us == "admitted by restricted-v2"
    show(row, what, "kubectl apply", without, with_us)


def stored(cluster: Cluster, where: str, obj: dict[str, Any]) -> dict[str, Any]:
    """Return what the API server would store, by a dry run."""
    done = cluster.kubectl("apply", "-n", where, "--dry-run=server", "-o", "json", "-f", "-", send=json.dumps(obj))
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("row", "what", "port"), [("S4", "Katib 0.7's controller on port 443", 443), ("N2", "a gateway on port 80", 80)]
)
def test_a_low_port_can_be_bound_without_privilege(
    cluster: Cluster, sides: tuple[str, str], show: Show, row: str, what: str, port: int
) -> None:
    obj = workload(f"row-{row.lower()}", {"ports": [{"containerPort": port}]})
    before, after = (stored(cluster, where, obj)["spec"]["template"]["spec"]["securityContext"] for where in sides)
    assert before == {}
    assert after["sysctls"] == [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]
    assert verdict(cluster, sides[1], obj) == "admitted by restricted-v2"
    show(
        row, what, "kubectl apply", "admitted, cannot bind", "admitted by restricted-v2 with a safe sysctl; not started"
    )


CONFIG = "# keep me\nartifactRepository: {}\ncontainerRuntimeExecutor: docker  # and me\n"
EXECUTOR = "imagePullPolicy: IfNotPresent\nsecurityContext:\n  runAsNonRoot: true\n  runAsUser: 65532\n"


@pytest.mark.parametrize(
    ("row", "what", "key", "text", "expected"),
    [
        ("S5", "Argo's ConfigMap, docker executor", "config", CONFIG, CONFIG.replace("docker", "k8sapi")),
        (
            "N4",
            "Argo's ConfigMap, executor UID 65532",
            "executor",
            EXECUTOR,
            EXECUTOR.replace("  runAsUser: 65532\n", ""),
        ),
    ],
)
def test_argos_executor(
    cluster: Cluster, sides: tuple[str, str], show: Show, row: str, what: str, key: str, text: str, expected: str
) -> None:
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "workflow-controller-configmap"}}
    before, after = (stored(cluster, where, {**obj, "data": {key: text}})["data"][key] for where in sides)
    assert (before, after) == (text, expected)
    changed = "executor k8sapi" if row == "S5" else "no runAsUser"
    show(row, what, "kubectl apply", "stored as it is", f"{changed}, comments and order kept")


def test_the_claim_of_the_tf_job_becomes_read_write_once(show: Show) -> None:
    """By the engine alone: the rule is off unless the configuration says that there is no RWX storage."""
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"accessModes": ["ReadWriteMany"]}}
    outcome = evaluate(request_for_manifest(claim), Settings(rules={"access-mode": True}))
    assert outcome.object is not None
    assert outcome.object["spec"]["accessModes"] == ["ReadWriteOnce"]
    show(
        "S7",
        "the TFJob's claim",
        "python -m webhook fix --config",
        "ReadWriteMany",
        "ReadWriteOnce where access-mode is on",
    )


@pytest.mark.parametrize(
    ("row", "what", "image", "directory"),
    [
        ("S3", "a notebook that mounts nothing", "gcr.io/kubeflow-images-public/tensorflow-1.14.0-notebook-cpu:v0.7.0",
         "/home/jovyan"),
        ("S6", "the PyTorch MNIST example", "gcr.io/kubeflow-ci/pytorch-dist-mnist-test:v1.0", "/data"),
    ],
)  # fmt: skip
def test_a_directory_that_the_image_leaves_to_one_uid_becomes_writable(
    cluster: Cluster, sides: tuple[str, str], show: Show, row: str, what: str, image: str, directory: str
) -> None:
    obj = workload(f"row-{row.lower()}", {"image": image})
    before, after = (stored(cluster, where, obj)["spec"]["template"]["spec"]["containers"][0] for where in sides)
    assert "volumeMounts" not in before
    assert directory in {mount["mountPath"] for mount in after["volumeMounts"]}
    assert verdict(cluster, sides[1], obj) == "admitted by restricted-v2"
    show(
        row,
        what,
        "kubectl apply",
        "nothing writable",
        f"an emptyDir at {directory}, admitted by restricted-v2; not started",
    )


def test_the_seldon_operator_loses_the_variable(cluster: Cluster, sides: tuple[str, str], show: Show) -> None:
    env = [{"name": "ENGINE_CONTAINER_USER", "value": "8888"}, {"name": "OTHER", "value": "1"}]
    obj = workload("row-operator", {"image": "docker.io/seldonio/seldon-core-operator:0.4.1", "env": env})
    before, after = (stored(cluster, where, obj)["spec"]["template"]["spec"]["containers"][0]["env"] for where in sides)
    assert (before, after) == (env, env[1:])
    show("S8", "Seldon's operator 0.4.1", "kubectl apply", "ENGINE_CONTAINER_USER 8888", "without the variable")
