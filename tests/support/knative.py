"""Knative Serving on a node, without an ingress, and a Service as a user whose image has UID 1000 writes it."""

import re
import shutil
from pathlib import Path
from typing import Any, Final

from tests.rig.cluster import Cluster, wait
from tests.rig.node.node import Node
from tests.rig.real import controllers

SERVICES: Final = "/apis/serving.knative.dev/v1/namespaces/{}/services"
REVISIONS: Final = "/apis/serving.knative.dev/v1/namespaces/{}/revisions"
KINDS: Final = {
    "knative.dev/networking": ("certificate", "config-network", "domain-claim", "ingress", "serverlessservice"),
    "knative.dev/caching": ("image",),
}
"""What upstream's folder has as symbolic links, which module archives leave out."""
BUILT: Final = "ko://knative.dev/serving/cmd/"
USER_PORT, PROXY_PORT = 8080, 8012
ASK: Final = ["python3", "-u", "-m", "http.server", str(USER_PORT), "--directory", "/opt"]


def install(node: Node, folder: Path) -> None:
    """Apply upstream's folder with images that are here, and wait until all is available."""
    node.load(*controllers.knative_images())
    node.run("ctr", "-n", "k8s.io", "images", "tag", "localhost/python:rig", controllers.KNATIVE_USER)
    upstream = controllers.source_of(controllers.KNATIVE, controllers.SERVING) / "config/core"
    core = shutil.copytree(upstream, folder / "core", copy_function=shutil.copyfile)
    for module, names in KINDS.items():
        config = controllers.source_of(controllers.KNATIVE, module) / "config"
        for name in names:
            shutil.copyfile(config / f"{name}.yaml", core / "300-resources" / f"{name}.yaml")
    for file in core.rglob("*.yaml"):
        file.write_text(re.sub(rf"{BUILT}(\w+)", rf"{controllers.KNATIVE_PREFIX}\1:rig", file.read_text()))
    apply = ("apply", "--server-side", "--force-conflicts", "-R", "-f", str(core))
    wait(lambda: node.cluster.kubectl(*apply, check=False).returncode == 0, "kinds of Knative", 60)
    ready = ("wait", "-n", "knative-serving", "deployment", "--all", "--for=condition=Available", "--timeout=110s")
    node.cluster.kubectl(*ready)


def create(cluster: Cluster, where: str) -> None:
    """Create a Service of Knative whose container wants to be UID 1000."""
    container = {
        "image": controllers.KNATIVE_USER,
        "command": ASK,
        "ports": [{"containerPort": USER_PORT}],
        "securityContext": {"runAsUser": 1000},
    }
    spec: dict[str, Any] = {"template": {"spec": {"containers": [container]}}}
    service = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "hello"}, "spec": spec}
    wait(lambda: cluster.request("POST", SERVICES.format(where), service).status == 201, "Knative's webhook", 60)


def ready(cluster: Cluster, where: str) -> bool:
    """Check whether the Service's revision is ready."""
    revisions = cluster.request("GET", REVISIONS.format(where)).body["items"]
    conditions = [each for one in revisions for each in one.get("status", {}).get("conditions", ())]
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
