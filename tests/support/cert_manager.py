"""cert-manager on a node, installed from 26.03's manifests, and certificates that are renewed by hand."""

import base64
from typing import Any, Final

from certs import authority
from tests.rig.cluster import Cluster, wait
from tests.rig.node.node import Node
from tests.rig.real import controllers
from tests.support import upstream
from tests.support.installed import CONFIGURATIONS
from tests.support.pods import run, running
from webhook.registration.configuration import NAME
from webhook.settings.scopes import NAMESPACE

MANIFEST: Final = upstream.FOLDER / "kubeflow-26.03/cert-manager__overlays__kubeflow.yaml"
CERTIFICATES: Final = f"/apis/cert-manager.io/v1/namespaces/{NAMESPACE}/certificates"
ISSUERS: Final = "/apis/cert-manager.io/v1/namespaces/cert-manager/issuers"
SECRETS: Final = f"/api/v1/namespaces/{NAMESPACE}/secrets"
MOUNTED: Final = "/certificate/tls.crt"
ISSUE: Final = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "by a test"}
"""The condition that `cmctl renew` sets."""


def install(node: Node) -> None:
    """Apply cert-manager's kinds and its objects of 26.03, and wait until its webhook answers."""
    node.load(*controllers.cert_manager_images())
    folder = controllers.source_of(controllers.CERTIFICATES, controllers.CERT_MANAGER) / "deploy/crds"
    lines = [line for file in sorted(folder.glob("*.yaml")) for line in [*file.read_text().splitlines(), "---"]]
    kinds = "\n".join(line for line in lines if "{{" not in line)  # what only the chart fills in
    node.cluster.kubectl("apply", "--server-side", "-f", "-", send=kinds)
    objects = [obj for obj in upstream.read(MANIFEST) if obj["kind"] != "CustomResourceDefinition"]
    for obj in objects:
        if obj["kind"] == "Deployment" and obj["metadata"]["name"] == "cert-manager":
            del obj["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]  # 1.11 has no /livez
    upstream.apply(node.cluster, objects, "--server-side")
    issuer = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Issuer",
        "metadata": {"name": "probe"},
        "spec": {"selfSigned": {}},
    }
    wait(lambda: node.cluster.request("POST", f"{ISSUERS}?dryRun=All", issuer).status == 201, "its webhook", 120)


def renew(cluster: Cluster, name: str) -> None:
    """Have cert-manager issue a Certificate of the webhook again, as `cmctl renew` does; wait until it has."""
    before, path = serial(cluster, name), f"{CERTIFICATES}/{name}"
    certificate = cluster.request("GET", path).body
    certificate["status"]["conditions"].append(ISSUE)
    assert cluster.request("PUT", f"{path}/status", certificate).status == 200
    wait(lambda: serial(cluster, name) != before and ready(cluster, name), f"renewal of {name}", 60)


def replace(cluster: Cluster, name: str) -> None:
    """Delete the Secret of a Certificate, and wait until cert-manager has made another."""
    before = serial(cluster, name)
    assert cluster.request("DELETE", f"{SECRETS}/{secret(cluster, name)}").status == 200
    wait(lambda: serial(cluster, name) not in (None, before), f"another Secret of {name}", 60)


def ready(cluster: Cluster, name: str) -> bool:
    """Check whether cert-manager says that a Certificate is issued and up to date."""
    conditions = cluster.request("GET", f"{CERTIFICATES}/{name}").body["status"]["conditions"]
    true = {condition["type"] for condition in conditions if condition["status"] == "True"}
    return true == {"Ready"}


def served(cluster: Cluster) -> bool:
    """Check whether every replica has the current certificate in its volume."""
    current = cluster.request("GET", f"{SECRETS}/{secret(cluster, NAMESPACE)}").body["data"]["tls.crt"]
    pods = running(cluster, NAMESPACE, f"app.kubernetes.io/name={NAMESPACE}", count=2)
    return all(run(cluster, pod, "cat", MOUNTED) == base64.b64decode(current).decode() for pod in pods)


def serial(cluster: Cluster, name: str) -> int | None:
    """Return the serial number of the certificate in a Certificate's Secret; None while there is none."""
    text = cluster.request("GET", f"{SECRETS}/{secret(cluster, name)}").body.get("data", {}).get("tls.crt", "")
    found = authority.certificates(base64.b64decode(text))
    return found[0].serial_number if found else None


def secret(cluster: Cluster, name: str) -> str:
    """Return the name of a Certificate's Secret."""
    named: str = cluster.request("GET", f"{CERTIFICATES}/{name}").body["spec"]["secretName"]
    return named


def bundles(cluster: Cluster) -> list[str]:
    """Return the CA bundle of each entry of the webhook configuration, in base64."""
    entries: list[dict[str, Any]] = cluster.request("GET", f"{CONFIGURATIONS}/{NAME}").body["webhooks"]
    return [entry["clientConfig"].get("caBundle", "") for entry in entries]
