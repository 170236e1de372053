"""OpenShift's part where the rig has none: its service CA, and the network's view of where the API server is."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from certs import authority
from tests.rig.cluster import Cluster
from tests.rig.node.machine import MACHINE
from webhook.registration.configuration import NAME
from webhook.settings.scopes import NAMESPACE

OURS: Final = f"/api/v1/namespaces/{NAMESPACE}"
POLICIES: Final = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
CONFIGURATION: Final = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{NAME}"
WANTS_SECRET: Final = "service.beta.openshift.io/serving-cert-secret-name"
WANTS_BUNDLE: Final = "service.beta.openshift.io/inject-cabundle"
HOST_NETWORK: Final = {
    "metadata": {
        "name": "openshift-host-network",
        "labels": {"policy-group.network.openshift.io/host-network": ""},
    }
}
API_SERVER: Final = {
    "metadata": {"name": "host-network"},
    "spec": {
        "podSelector": {},
        "ingress": [
            {"from": [{"ipBlock": {"cidr": f"{MACHINE}/32"}}], "ports": [{"protocol": "TCP", "port": 8443}]},
        ],
    },
}


@contextmanager
def played(cluster: Cluster) -> Iterator[None]:
    """Issue what the annotations of the Service and of the webhook configuration request, until the block ends.

    OpenShift's network knows the host network by the label of a namespace. The one here does not, so a policy beside
    the webhook's admits the API server's address.
    """
    cluster.request("POST", "/api/v1/namespaces", HOST_NETWORK)
    stop, ca = threading.Event(), authority.authority("service-ca", [f"{NAMESPACE}.{NAMESPACE}.svc"], days=2)

    def play() -> None:
        while not stop.wait(0.2):
            issue(cluster, ca)

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def issue(cluster: Cluster, ca: authority.Identity) -> None:
    """Do once what there is to do."""
    service = cluster.request("GET", f"{OURS}/services/{NAMESPACE}").body
    name = service.get("metadata", {}).get("annotations", {}).get(WANTS_SECRET)
    if not name:
        return  # not installed, or with a certificate from elsewhere
    if cluster.request("GET", f"{OURS}/secrets/{name}").status == 404:
        serving = authority.serving(ca, [f"{NAMESPACE}.{NAMESPACE}.svc"], days=1)
        data = {"tls.crt": serving.certificate_pem().decode(), "tls.key": serving.key_pem().decode()}
        secret = {"metadata": {"name": name}, "type": "kubernetes.io/tls", "stringData": data}
        cluster.request("POST", f"{OURS}/secrets", secret)
    configuration = cluster.request("GET", CONFIGURATION).body
    if configuration.get("metadata", {}).get("annotations", {}).get(WANTS_BUNDLE) == "true":
        bundle = base64.b64encode(ca.certificate_pem()).decode()
        if any(webhook["clientConfig"].get("caBundle") != bundle for webhook in configuration["webhooks"]):
            for webhook in configuration["webhooks"]:
                webhook["clientConfig"]["caBundle"] = bundle
            cluster.request("PUT", CONFIGURATION, configuration)  # another writer was first: the next time
    cluster.request("POST", POLICIES, API_SERVER)
