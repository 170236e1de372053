"""Our own deployment: what it contains is admitted, as restricted as we ask others to be."""

from pathlib import Path
from typing import Any

import pytest

from tests.rig.cluster import Cluster, wait
from webhook import manifests
from webhook.registration import OWN

pytestmark = pytest.mark.rig

OVERLAY = Path(__file__).parent.parent / "deploy/overlays/openshift"


def rendered(cluster: Cluster) -> str:
    return cluster.kubectl("kustomize", str(OVERLAY)).stdout


def of_kind(text: str, *kinds: str) -> str:
    documents = manifests.documents(text, "rendered")
    return "---\n".join(d.text.removeprefix("---\n") for d in documents if d.value["kind"] in kinds)


def test_every_object_of_the_overlay_is_accepted(cluster: Cluster) -> None:
    done = cluster.kubectl(
        "apply", "--dry-run=server", "--server-side", "--force-conflicts", "-f", "-", send=rendered(cluster)
    )
    assert "Warning" not in done.stderr
    kinds = {document.value["kind"] for document in manifests.documents(rendered(cluster), "rendered")}
    assert len(done.stdout.splitlines()) == len(list(manifests.documents(rendered(cluster), "rendered")))
    assert {"Deployment", "MutatingWebhookConfiguration", "PodDisruptionBudget", "Service"} <= kinds
    assert not kinds & {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}  # law 4: no rights at all


def test_our_own_pods_are_admitted_by_restricted_v2_and_by_pod_security_restricted(cluster: Cluster) -> None:
    text = of_kind(rendered(cluster), "Namespace", "ServiceAccount", "ConfigMap", "Deployment")
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", send=text)
    labels = cluster.request("GET", f"/api/v1/namespaces/{OWN}").body["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    path = f"/api/v1/namespaces/{OWN}/pods"
    pods: list[dict[str, Any]] = wait(lambda: cluster.request("GET", path).body["items"], "pod of ours")
    assert pods[0]["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"
    mounted = {volume["name"] for volume in pods[0]["spec"]["volumes"]}
    assert mounted == {"config", "certificate", "tmp"}  # and no token
