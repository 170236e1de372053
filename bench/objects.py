"""What is measured: the StatefulSet that the notebook controller makes of a Notebook, a Pod alike, and its review."""

import copy
import json
from typing import Any, Final

from tests.support.server import review
from webhook.objects.model import Object, Request

NAMESPACE: Final = "team"
NAME: Final = "team-notebook"
RESOURCE: Final = {"group": "apps", "version": "v1", "resource": "statefulsets"}
LABELS: Final = {"app": NAME, "notebook-name": NAME, "statefulset": NAME}
IDENTITY: Final = {"runAsUser": 1000, "runAsGroup": 100, "allowPrivilegeEscalation": False}
MOUNTS: Final = [{"name": "workspace", "mountPath": "/home/jovyan"}, {"name": "dshm", "mountPath": "/dev/shm"}]
PROBE: Final = {"httpGet": {"path": "/notebook/team/team-notebook/api", "port": 8888, "scheme": "HTTP"}}
VARIABLES: Final = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "PIP_INDEX_URL",
    "AWS_DEFAULT_REGION",
    "MLFLOW_TRACKING_URI",
)


def _container(name: str, command: list[str], ready: Object) -> Object:
    return {
        "name": name,
        "image": "ghcr.io/kubeflow/kubeflow/notebook-servers/jupyter-scipy:v1.10.0",
        "command": command,
        "env": [
            {"name": "NB_PREFIX", "value": f"/notebook/{NAMESPACE}/{NAME}"},
            *({"name": variable, "value": "example.team.svc.cluster.local"} for variable in VARIABLES),
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        ],
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "4Gi"}},
        "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": MOUNTS,
        "securityContext": IDENTITY,
        **ready,
    }


POD_SPEC: Final[Object] = {
    "serviceAccountName": "default",
    "initContainers": [_container("restore", ["/bin/sh", "-c", "cp -rn /opt/home/. /home/jovyan"], {})],
    "containers": [
        _container(
            NAME,
            ["/init"],
            {
                "ports": [{"name": "notebook-port", "containerPort": 8888, "protocol": "TCP"}],
                "livenessProbe": {**PROBE, "periodSeconds": 10, "failureThreshold": 3},
                "readinessProbe": {**PROBE, "periodSeconds": 5, "timeoutSeconds": 1},
            },
        )
    ],
    "volumes": [
        {"name": "workspace", "persistentVolumeClaim": {"claimName": f"{NAME}-workspace"}},
        {"name": "dshm", "emptyDir": {"medium": "Memory"}},
    ],
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": {"fsGroup": 100},
}


def stateful_set() -> Object:
    """Return the StatefulSet as the API server stores it."""
    return copy.deepcopy(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": LABELS},
            "spec": {
                "replicas": 1,
                "serviceName": NAME,
                "podManagementPolicy": "OrderedReady",
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "selector": {"matchLabels": {"statefulset": NAME}},
                "template": {"metadata": {"labels": LABELS}, "spec": POD_SPEC},
            },
        }
    )


def pod() -> Object:
    """Return a Pod of the same spec."""
    metadata = {"name": f"{NAME}-0", "namespace": NAMESPACE, "labels": LABELS}
    return copy.deepcopy({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": POD_SPEC})


def created(obj: Object, namespace: str) -> Object:
    """Return an object as a client creates it: the API server gives each a name of its own."""
    metadata: dict[str, Any] = {**obj["metadata"], "namespace": namespace, "generateName": "bench-"}
    del metadata["name"]
    return {**obj, "metadata": metadata}


def measured_review() -> bytes:
    """Return the review that every server is sent: the StatefulSet's creation, 4 KiB, as an API server tells of it."""
    request = Request(
        "StatefulSet.apps", "CREATE", stateful_set(), None, NAMESPACE, NAME, uid="705ab4f5-6393-11e8-b7cc"
    )
    body = json.loads(review(request))
    body["request"] |= {
        "resource": RESOURCE,
        "requestKind": body["request"]["kind"],
        "requestResource": RESOURCE,
        "userInfo": {
            "username": "system:serviceaccount:kubeflow:notebook-controller",
            "groups": ["system:authenticated"],
        },
        "dryRun": False,
    }
    return json.dumps(body).encode()
