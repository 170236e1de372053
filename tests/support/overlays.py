"""The overlays of deploy/: what they render to, and what is in a cluster before and after one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.rig.cluster import Cluster
from tests.support.installed import crd, serve
from tests.support.paths import ROOT
from webhook.manifests import reader

DEPLOY: Final = ROOT / "deploy"
OVERLAYS: Final = DEPLOY / "overlays"
ALL: Final = sorted(path.parent.name for path in OVERLAYS.glob("*/kustomization.yaml"))
NOT_BUILT_IN: Final = {
    "routes.route.openshift.io": "Route",
    "servicemonitors.monitoring.coreos.com": "ServiceMonitor",
    "prometheusrules.monitoring.coreos.com": "PrometheusRule",
    "issuers.cert-manager.io": "Issuer",
    "certificates.cert-manager.io": "Certificate",
}
"""The kinds of others that overlays bring objects of, by the name of their definition."""
SINCE_4_2: Final = {
    "admissionregistration.k8s.io/v1beta1": "admissionregistration.k8s.io/v1",
    "autoscaling/v2beta2": "autoscaling/v2",
    "policy/v1beta1": "policy/v1",
}
"""What the API versions of Kubernetes 1.14 are called on the rig, which serves them no more."""
COMES_AND_GOES: Final = {"events", "leases", "endpoints", "endpointslices"}

Object = dict[str, Any]


def serve_kinds_of_others(cluster: Cluster) -> None:
    """Have the API server serve what OpenShift, cert-manager and Prometheus' operator would, with open schemas."""
    for name, kind in NOT_BUILT_IN.items():
        plural, _, group = name.partition(".")
        serve(cluster, crd(kind, plural, group=group))


def text_of(cluster: Cluster, folder: Path) -> str:
    """Render a folder; what is for Kubernetes 1.14 in the API versions of today."""
    text = cluster.kubectl("kustomize", str(folder)).stdout
    for old, new in SINCE_4_2.items():
        text = text.replace(f"apiVersion: {old}\n", f"apiVersion: {new}\n")
    return text


def rendered(cluster: Cluster, folder: Path) -> list[Object]:
    """Return the objects that a folder renders to."""
    return [document.value for document in reader.documents(text_of(cluster, folder), "rendered")]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    """Return those of one kind."""
    return [obj for obj in objects if obj["kind"] == kind]


def everything(cluster: Cluster) -> dict[str, str]:
    """Return the UID of every object of every kind there is, but for those that belong to another object or are going.

    An SCC's version too: none was edited.
    """
    found = {}
    for path in _listable(cluster):
        for item in cluster.request("GET", path).body["items"]:
            metadata = item["metadata"]
            if "ownerReferences" in metadata or "deletionTimestamp" in metadata:
                continue
            version = metadata["resourceVersion"] if "securitycontextconstraints" in path else ""
            found[f"{path}/{metadata.get('namespace', '')}/{metadata['name']}"] = f"{metadata['uid']} {version}"
    return found


def _listable(cluster: Cluster) -> list[str]:
    groups = cluster.request("GET", "/apis").body["groups"]
    roots = ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]
    return [
        f"{root}/{kind['name']}"
        for root in roots
        for kind in cluster.request("GET", root).body["resources"]
        if "list" in kind["verbs"] and "delete" in kind["verbs"] and kind["name"] not in COMES_AND_GOES
    ]


def source_of(name: str) -> tuple[str, str]:
    """Return what kubectl takes: the overlay, or for 4.2, whose API versions the rig does not serve, its text."""
    return ("-f", "-") if name == "openshift-4.2" else ("-k", str(OVERLAYS / name))


@contextmanager
def applied(cluster: Cluster, name: str) -> Iterator[str]:
    """Apply an overlay as its users do, and delete it at the end; yield what kubectl said."""
    text = text_of(cluster, OVERLAYS / name)
    try:
        done = cluster.kubectl("apply", *source_of(name), send=text)
        yield done.stdout + done.stderr
    finally:
        cluster.kubectl("delete", "--ignore-not-found", *source_of(name), send=text)


GRANTS = OVERLAYS / "kubeflow-0.7/kubeflow"
HOST: Final = {"policy-group.network.openshift.io/host-network": ""}
HOST_NETWORK: Final = {"namespaceSelector": {"matchLabels": HOST}}
AGENTS: Final = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"app": "konnectivity-agent"}},
}
