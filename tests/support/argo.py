"""Argo Workflows on a node, installed from 26.03's manifests, with an S3 for its artifacts; and a workflow."""

from typing import Any, Final

from tests.rig.cluster import Cluster, wait
from tests.rig.node.images import PYTHON
from tests.rig.node.node import Node
from tests.rig.real import controllers
from tests.support import upstream

MANIFEST: Final = upstream.FOLDER / "kubeflow-26.03/pipeline__overlays.yaml"
NAMES: Final = ("argo", "workflow-controller", "pipeline-runner")
STORE: Final = "seaweedfs"
"""The Service that 26.03's configuration names, at port 9000."""
SECRET: Final = "mlpipeline-minio-artifact"
WORKFLOWS: Final = "/apis/argoproj.io/v1alpha1/namespaces/{}/workflows"
RBAC: Final = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}"
RESULTS: Final = {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
Object = dict[str, Any]


def install(node: Node) -> None:
    """Apply Argo's kinds, its objects of 26.03 and an S3, and wait until the controller is available."""
    node.load(*controllers.argo_images())
    kinds = controllers.source_of(controllers.argo(), controllers.ARGO) / "manifests/base/crds/full"
    node.cluster.kubectl("apply", "--server-side", "-k", str(kinds))
    configure(node.cluster)
    node.cluster.make("/apis/apps/v1/namespaces/kubeflow/deployments", store())
    ports = [{"port": 9000}]
    service = {"metadata": {"name": STORE}, "spec": {"selector": {"app": STORE}, "ports": ports}}
    node.cluster.make("/api/v1/namespaces/kubeflow/services", service)
    names = ("deployment/workflow-controller", f"deployment/{STORE}")
    node.cluster.kubectl("wait", "-n", "kubeflow", *names, "--for=condition=Available", "--timeout=100s")


def configure(cluster: Cluster) -> None:
    """Apply 26.03's objects of Argo, as an installer does again after the webhook is there."""
    objects = [obj for obj in upstream.read(MANIFEST) if obj["metadata"]["name"].startswith(NAMES)]
    upstream.apply(cluster, objects, "--server-side", "--force-conflicts")


def store() -> Object:
    """Return the Deployment of an S3 that keeps all in memory, with the bucket of 26.03's configuration."""
    options = ["-backend", "memory", "-autobucket", "-initialbucket", "mlpipeline", "-host", ":9000"]
    container = {
        "name": "main",
        "image": "localhost/gofakes3:rig",
        "args": options,
        "readinessProbe": {"tcpSocket": {"port": 9000}},
    }
    labels = {"app": STORE}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {"metadata": {"name": STORE}, "spec": {"selector": {"matchLabels": labels}, "template": template}}


def prepare(cluster: Cluster, where: str) -> None:
    """Give a namespace what the profile controller gives it for workflows: the store's keys and the right to report."""
    keys = {"accesskey": "access", "secretkey": "secret"}
    cluster.make(f"/api/v1/namespaces/{where}/secrets", {"metadata": {"name": SECRET}, "stringData": keys})
    cluster.make(f"{RBAC.format(where)}/roles", {"metadata": {"name": "report"}, "rules": [RESULTS]})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "report"}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": where}
    binding = {"metadata": {"name": "report"}, "roleRef": role, "subjects": [subject]}
    cluster.make(f"{RBAC.format(where)}/rolebindings", binding)


def workflow(name: str) -> Object:
    """Return a workflow whose second step takes a parameter and an artifact from the first."""
    said, data = {"name": "said"}, {"name": "data"}
    handed = {
        "parameters": [{**said, "value": "{{steps.make.outputs.parameters.said}}"}],
        "artifacts": [{**data, "from": "{{steps.make.outputs.artifacts.data}}"}],
    }
    made = {
        "parameters": [{**said, "valueFrom": {"path": "/tmp/said"}}],
        "artifacts": [{**data, "path": "/tmp/data"}],
    }
    taken = {"parameters": [said], "artifacts": [{**data, "path": "/tmp/data"}]}
    # An S3 may refuse an empty log, so the step prints something.
    make = container("printf 'hello from %s' $(id -u) >/tmp/said; head -c 100000 /dev/zero >/tmp/data; echo made")
    take = container("echo {{inputs.parameters.said}}, $(stat -c %s /tmp/data) bytes, to $(id -u)")
    steps = [[{"name": "make", "template": "make"}], [{"name": "take", "template": "take", "arguments": handed}]]
    templates = [
        {"name": "main", "steps": steps},
        {"name": "make", "container": make, "outputs": made},
        {"name": "take", "container": take, "inputs": taken},
    ]
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
    return {**kind, "metadata": {"name": name}, "spec": {"entrypoint": "main", "templates": templates}}


def container(script: str) -> Object:
    return {"image": PYTHON, "command": ["sh", "-c", script]}


def ended(cluster: Cluster, where: str, name: str, seconds: float = 120) -> Object:
    """Wait until a workflow has ended, and return its status."""

    def status() -> Object | None:
        found: Object = cluster.request("GET", f"{WORKFLOWS.format(where)}/{name}").body.get("status", {})
        return found if found.get("phase") in ("Succeeded", "Failed", "Error") else None

    return wait(status, f"end of the workflow {name}", seconds) or {}


def said(cluster: Cluster, where: str, status: Object) -> str:
    """Return what a workflow that failed says of each step, and the last lines of its pods."""
    steps = [f"{step['displayName']}: {step['phase']} {step.get('message')}" for step in status["nodes"].values()]
    pods = ("-l", "workflows.argoproj.io/completed=true", "--all-containers", "--prefix", "--tail=15")
    return "\n".join([*steps, cluster.kubectl("logs", "-n", where, *pods, check=False).stdout])


def printed(cluster: Cluster, where: str, name: str) -> list[str]:
    """Return the lines that a workflow's own containers printed, without the executor's."""
    selector = f"workflows.argoproj.io/workflow={name}"
    done = cluster.kubectl("logs", "-n", where, "-l", selector, "-c", "main")
    return [line for line in done.stdout.splitlines() if "argo=true" not in line]
