"""The engine that Seldon's operator would start as UID 8888 answers a prediction behind a Service."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.rig.cluster import wait
from tests.rig.node.node import Node
from tests.rig.real import controllers
from tests.support import as_installed, rows
from tests.support.installed import OPTED_IN, namespace, refusals
from tests.support.pods import first_uid

PODINFO: Final = {"path": "annotations", "fieldRef": {"fieldPath": "metadata.annotations"}}
LABELS: Final = {"seldon-app": "seldon-model-test-deployment-example"}


def deployment() -> dict[str, Any]:
    """Return the Deployment that operator 0.4.1 makes of upstream's example, as far as it says how it runs."""
    model = {
        "name": "classifier",
        "image": controllers.CLASSIFIER,
        "command": ["python3", "-u", "/app/serve.py", "model"],
        "readinessProbe": {"tcpSocket": {"port": 9000}},
    }
    engine = {
        "name": "seldon-container-engine",
        "image": controllers.ENGINE,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {"runAsUser": 8888, "procMount": "Default"},
        "ports": [{"name": "http", "containerPort": 8000}, {"name": "admin", "containerPort": 8082}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8000}},
        "livenessProbe": {"httpGet": {"path": "/ready", "port": 8000}},
        "volumeMounts": [{"name": "podinfo", "mountPath": "/etc/podinfo"}],
    }
    volumes = [{"name": "podinfo", "downwardAPI": {"items": [PODINFO]}}]
    spec = {"securityContext": {}, "containers": [model, engine], "volumes": volumes}
    template = {"metadata": {"labels": LABELS}, "spec": spec}
    name = "test-deployment-example-7cd068f"
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": LABELS}, "template": template}}


def test_an_engine_answers(node: Node, tmp_path: Path, proof: Callable[..., None]) -> None:
    cluster = node.cluster
    node.load(*controllers.seldon_images())
    node.run("ctr", "-n", "k8s.io", "images", "tag", controllers.ENGINE, controllers.CLASSIFIER)
    namespace(cluster, "kubeflow")
    as_installed.install(cluster, as_installed.copied(tmp_path) / "self-managed")
    plain, team = namespace(cluster, "plain"), namespace(cluster, "team", **OPTED_IN)
    for where in (plain, team):
        cluster.make(f"/apis/apps/v1/namespaces/{where}/deployments", deployment())
    [why] = {rows.reason(message) for message in wait(lambda: refusals(cluster, plain), "refusal")}
    assert "8888" in why

    cluster.kubectl("wait", "-n", team, "deployment", "--all", "--for=condition=Available", "--timeout=100s")
    service = {"metadata": {"name": "model"}, "spec": {"selector": LABELS, "ports": [{"port": 8000}]}}
    address = cluster.make(f"/api/v1/namespaces/{team}/services", service)["spec"]["clusterIP"]
    asked = json.dumps({"data": {"ndarray": [[1, 2, 3]]}}).encode()
    url = f"http://{address}:8000/api/v0.1/predictions"
    answer = json.loads(wait(lambda: post(url, asked), "answer of the Service"))
    uid = first_uid(cluster, team)
    assert answer == {"data": {"ndarray": [[6]]}, "meta": {"model": int(uid), "engine": int(uid)}}
    what = "Deployment of a SeldonDeployment, engine with UID 8888"
    proof("S8", what, "a Deployment as operator 0.4.1 writes it", uid, f"{url}: {json.dumps(answer)}", why)


def post(url: str, body: bytes) -> bytes:
    """Return what a URL answers; nothing as long as there is nobody."""
    try:
        with urllib.request.urlopen(url, body, timeout=10) as response:
            answer: bytes = response.read()
            return answer
    except OSError:
        return b""
