"""NetworkPolicies of deploy/, enforced on the node by kube-router: who reaches whom, with them and without."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig.node.machine import MACHINE
from tests.rig.node.node import Node
from tests.support import as_installed
from tests.support.connections import API_SERVER, from_machine, from_pod, listening
from tests.support.installed import namespace
from tests.support.overlays import DEPLOY
from tests.support.pods import running
from webhook.settings.scopes import NAMESPACE

POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
NAME = "app.kubernetes.io/name"
OTHERS = {
    "elsewhere": ("elsewhere", {}),
    "agent": ("kube-system", {"app": "konnectivity-agent"}),
    "monitoring": ("openshift-monitoring", {}),
    "component": ("kubeflow", {}),
    "gateway": ("istio-system", {"istio": "ingressgateway"}),
    "no-gateway": ("istio-system", {}),
    "own": ("profile", {}),
    "notebook": ("profile", {}),
}
"""Pods of others: their namespaces and labels."""
Pods = dict[str, dict[str, Any]]
Connections = dict[str, dict[str, bool]]
"""Whom each reaches."""

SERVER, SERVICE, OBSERVE = "webhook:8443", "service:8443", "webhook:8080"
NOTEBOOK = "notebook:8888"
BY_SERVICE, BEHIND_IT = API_SERVER
CALLS_NOBODY: Connections = {"webhook": {NOTEBOOK: False, BY_SERVICE: False, BEHIND_IT: False}}
SELF_MANAGED: Connections = {
    "elsewhere": {SERVER: True, SERVICE: True, OBSERVE: False},
    "monitoring": {SERVER: True, OBSERVE: True},
    "machine": {SERVER: True, SERVICE: True, OBSERVE: False},
    "keeper": {NOTEBOOK: False, BY_SERVICE: True, BEHIND_IT: True},
    **CALLS_NOBODY,
}
ON_OPENSHIFT: Connections = {
    "elsewhere": {SERVER: False, SERVICE: False, OBSERVE: False},
    "agent": {SERVER: True, SERVICE: True, OBSERVE: False},
    "monitoring": {SERVER: False, OBSERVE: True},
    "machine": {SERVER: False, SERVICE: False, OBSERVE: False},
    **CALLS_NOBODY,
}
HOST_NETWORK: Connections = {**ON_OPENSHIFT, "machine": {SERVER: True, SERVICE: True, OBSERVE: False}}
"""Where the API server's address is let in, as OVN-Kubernetes does for the label of the host network."""
PROFILE: Connections = {
    **{who: {NOTEBOOK: True} for who in ("own", "component", "gateway", "monitoring")},
    **{who: {NOTEBOOK: False} for who in ("elsewhere", "no-gateway", "machine")},
}


@pytest.fixture(scope="module")
def pods(installed: Node) -> Iterator[Pods]:
    """Start a pod for each of the others; return them with those of the webhook."""
    cluster = installed.cluster
    for where in {where for where, _ in OTHERS.values()}:
        if cluster.request("GET", f"/api/v1/namespaces/{where}").status == 404:
            namespace(cluster, where)
    for name, (where, labels) in OTHERS.items():
        cluster.make(f"/api/v1/namespaces/{where}/pods", listening(name, **labels))
    others = {
        name: running(cluster, where, f"app={labels.get('app', name)}")[0] for name, (where, labels) in OTHERS.items()
    }
    [keeper] = running(cluster, NAMESPACE, f"{NAME}={NAMESPACE}-certificates")
    yield {**others, "webhook": server(installed), "keeper": keeper}
    for pod in others.values():
        cluster.kubectl("delete", "pod", "-n", pod["metadata"]["namespace"], pod["metadata"]["name"], "--wait=false")


def server(node: Node) -> dict[str, Any]:
    return running(node.cluster, NAMESPACE, f"{NAME}={NAMESPACE}", count=2)[0]


def seen(node: Node, pods: Pods, wanted: Connections) -> Connections:
    """Try the connections, those of each pod at once."""
    service = node.cluster.request("GET", f"{as_installed.SERVICES}/{NAMESPACE}").body["spec"]["clusterIP"]
    addresses = {"service": service, **{name: pod["status"]["podIP"] for name, pod in pods.items()}}
    found: Connections = {}
    for who, targets in wanted.items():
        hosts = [f"{addresses.get(host, host)}:{port}" for host, _, port in (each.partition(":") for each in targets)]
        answers = from_machine(hosts) if who == "machine" else from_pod(node.cluster, pods[who], hosts)
        found[who] = dict(zip(targets, answers, strict=True))
    return found


def becomes(node: Node, pods: Pods, wanted: Connections) -> None:
    """Wait until the connections are as wanted: the firewall hears of a policy a moment later."""
    deadline = time.monotonic() + 20
    while (found := seen(node, pods, wanted)) != wanted and time.monotonic() < deadline:
        time.sleep(0.5)
    assert found == wanted


def all_open(wanted: Connections) -> Connections:
    return {who: dict.fromkeys(targets, True) for who, targets in wanted.items()}


def test_self_managed_lets_any_caller_in_and_the_server_out_to_nobody(
    installed: Node, pods: Pods, overlays: Path
) -> None:
    installed.cluster.kubectl("delete", "networkpolicy", "--all", "-n", NAMESPACE)
    becomes(installed, pods, all_open(SELF_MANAGED))  # so it is the policies that close them
    installed.cluster.kubectl("apply", "-k", str(overlays / "self-managed"))
    becomes(installed, pods, SELF_MANAGED)
    server(installed)  # they are ready: the kubelet's probes pass


def test_a_profiles_policy_lets_in_who_authenticates(installed: Node, pods: Pods) -> None:
    becomes(installed, pods, all_open(PROFILE))
    installed.cluster.kubectl("apply", "-n", "profile", "-f", str(DEPLOY / "profile/network-policy.yaml"))
    becomes(installed, pods, PROFILE)


def test_openshifts_lets_in_the_api_server_alone(installed: Node, pods: Pods, overlays: Path) -> None:
    """The component restricts the server's policy. No plugin here knows the label of the host network."""
    cluster = installed.cluster
    text = cluster.kubectl("kustomize", str(overlays / "openshift")).stdout
    [policy] = [each for each in text.split("---\n") if "kind: NetworkPolicy\n" in each]
    cluster.kubectl("apply", "-f", "-", send=policy)
    becomes(installed, pods, ON_OPENSHIFT)
    cluster.make(POLICIES, host_network())
    becomes(installed, pods, HOST_NETWORK)
    cluster.request("DELETE", f"{POLICIES}/host-network")
    cluster.kubectl("apply", "-k", str(overlays / "self-managed"))
    becomes(installed, pods, SELF_MANAGED)


def host_network() -> dict[str, Any]:
    """Return the policy that lets in the API server by its address."""
    rule = {"from": [{"ipBlock": {"cidr": f"{MACHINE}/32"}}], "ports": [{"protocol": "TCP", "port": 8443}]}
    selected = {"podSelector": {"matchLabels": {NAME: NAMESPACE}}}
    return {"metadata": {"name": "host-network"}, "spec": {**selected, "policyTypes": ["Ingress"], "ingress": [rule]}}
