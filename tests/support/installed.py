"""Install the webhook on the rig as deploy/ has it, and make namespaces that it cares for, or not."""

import base64
import copy
from typing import Any

from tests.rig.cluster import Cluster, wait
from tests.support.paths import ROOT
from tests.support.server import Server
from webhook.manifests import reader
from webhook.registration.configuration import NAME
from webhook.settings.scopes import NAMESPACE

DEPLOYED = ROOT / "deploy/base/webhook-configuration.yaml"
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
OPTED_IN = {NAMESPACE: "enabled"}


def install(cluster: Cluster, server: Server, configuration: dict[str, Any] | None = None) -> None:
    """Register the webhook, and wait until the API server asks it.

    The configuration is the deployed one, with the caBundle that OpenShift's service CA would put there; the Service
    that it names leads to this machine.
    """
    namespace(cluster, NAMESPACE)
    service = {"type": "ExternalName", "externalName": server.host}
    cluster.make(f"/api/v1/namespaces/{NAMESPACE}/services", {"metadata": {"name": NAMESPACE}, "spec": service})
    register(cluster, server, configuration or deployed())
    namespace(cluster, "probe", **OPTED_IN)
    wait(lambda: asks(cluster), "review of a dry run")


def deployed() -> dict[str, Any]:
    """Return the configuration in deploy/base."""
    value: dict[str, Any] = reader.one_document(DEPLOYED).value
    return value


def register(cluster: Cluster, server: Server, configuration: dict[str, Any]) -> None:
    """Create or replace the webhook configuration, with the server's CA in it."""
    configuration = copy.deepcopy(configuration)
    bundle = base64.b64encode(server.ca.read_bytes()).decode()
    for webhook in configuration["webhooks"]:
        webhook["clientConfig"]["caBundle"] = bundle
    name = configuration["metadata"]["name"]
    cluster.request("DELETE", f"{CONFIGURATIONS}/{name}")
    cluster.make(CONFIGURATIONS, configuration)


def uninstall(cluster: Cluster) -> None:
    """Take the webhook's registration away, and wait until the API server asks nobody."""
    cluster.request("DELETE", f"{CONFIGURATIONS}/{NAME}")
    wait(lambda: not asks(cluster), "dry run without review")


def namespace(cluster: Cluster, name: str, **labels: str) -> str:
    """Create a namespace and wait until pods can be created in it."""
    cluster.make("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    wait(lambda: cluster.request("GET", account).status == 200, f"service account in {name}")
    return name


def serve(cluster: Cluster, definition: dict[str, Any], namespace: str = "") -> str:
    """Have the API server serve a kind, unless it does already; return the path of its v1 objects."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert cluster.request("POST", path, definition).status in (201, 409)
    group, plural = definition["spec"]["group"], definition["spec"]["names"]["plural"]
    objects = f"/apis/{group}/v1/{f'namespaces/{namespace}/' if namespace else ''}{plural}"
    wait(lambda: cluster.request("GET", objects).status == 200, f"served {plural}")
    return objects


def deployment(name: str, **pod_spec: Any) -> dict[str, Any]:
    """Return a small Deployment whose pods have the given fields."""
    labels = {"app": name}
    spec = {"containers": [{"name": "main", "image": "example"}], **pod_spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }


def asks(cluster: Cluster) -> bool:
    """Check whether the API server calls the webhook for a workload now."""
    body = deployment("probe", securityContext={"fsGroup": 100})
    answer = cluster.request("POST", "/apis/apps/v1/namespaces/probe/deployments?dryRun=All", body)
    assert answer.status == 201, answer.body
    return "fsGroup" not in answer.body["spec"]["template"]["spec"]["securityContext"]


def mark_ready(cluster: Cluster, pods: str) -> None:
    """Say in the status of every pod under a path what a kubelet would: it runs and is ready."""
    for pod in cluster.request("GET", pods).body["items"]:
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        path = f"{pods.partition('?')[0]}/{pod['metadata']['name']}/status"
        answer = cluster.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")
        assert answer.status == 200, answer.body


def install_again(cluster: Cluster, server: Server) -> None:
    """Register the webhook again, and wait until the API server calls it."""
    register(cluster, server, deployed())
    wait(lambda: asks(cluster), "review of a dry run")


def crd(kind: str, plural: str, scope: str = "Namespaced", group: str = "kubeflow.org") -> dict[str, Any]:
    """Return the definition of a kind as v1, without a schema."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "metadata": {"name": f"{plural}.{group}", "annotations": {"api-approved.kubernetes.io": "unapproved"}},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "scope": scope,
            "versions": [version],
        },
    }


def refusals(cluster: Cluster, where: str) -> list[str]:
    events = cluster.request("GET", f"/api/v1/namespaces/{where}/events").body["items"]
    return [event["message"] for event in events if event["reason"] == "FailedCreate"]


def with_accounts(cluster: Cluster, name: str, **labels: str) -> str:
    """Make a namespace whose default account may create pods: an administrator's pods are admitted by any SCC."""
    where = namespace(cluster, name, **labels)
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{where}"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}]
    cluster.make(f"{rbac}/roles", {"metadata": {"name": "pods"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": where}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "pods"}
    cluster.make(f"{rbac}/rolebindings", {"metadata": {"name": "pods"}, "subjects": [subject], "roleRef": role})
    pods, user = f"/api/v1/namespaces/{where}/pods?dryRun=All", f"system:serviceaccount:{where}:default"
    probe = {"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "main", "image": "example"}]}}
    wait(lambda: cluster.request("POST", pods, probe, user=user).status == 201, "right to create pods")
    return where
