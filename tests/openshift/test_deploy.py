"""Every overlay on OpenShift's admission: accepted, its pods admitted as restricted, deleted without a trace."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.rig.cluster import Cluster, wait
from tests.support.overlays import ALL, DEPLOY, OVERLAYS, applied, everything, of_kind, rendered, source_of, text_of
from webhook.manifests import reader
from webhook.registration.configuration import NAME
from webhook.settings.scopes import NAMESPACE

PLACEHOLDER = f"{NAMESPACE}@sha256:{'0' * 64}"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
SERVER = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAMESPACE}"
NO_ACCESS = ("openshift", "kubeflow-0.7", "crc", "cert-manager", "all-ignore", "observability")
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "privileged": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
}

Show = Callable[..., None]


def deployments(cluster: Cluster, name: str) -> dict[str, dict[str, Any]]:
    objects = of_kind(rendered(cluster, OVERLAYS / name), "Deployment")
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in objects}


@pytest.mark.parametrize("name", ALL)
def test_every_overlay_is_accepted_admitted_and_leaves_no_trace(
    cluster_without_us: Cluster, show: Show, name: str
) -> None:
    cluster = cluster_without_us
    before = everything(cluster)
    objects = rendered(cluster, OVERLAYS / name)

    with applied(cluster, name) as said:
        with_us = everything(cluster)
        pods = pods_of(cluster, len(of_kind(objects, "Deployment")))
        if of_kind(objects, "HorizontalPodAutoscaler"):
            wait(lambda: cluster.request("GET", SERVER).body["spec"]["replicas"] == 2, "second replica")
        again = cluster.kubectl("diff", *source_of(name), send=text_of(cluster, OVERLAYS / name), check=False)
    after = everything(cluster)

    assert len(said.splitlines()) == len(objects)
    assert "Warning" not in said
    assert (again.returncode, again.stdout) == (0, "")  # and applying it again would not fight the autoscaler
    assert before.items() < with_us.items()
    assert after == before
    for pod in pods:
        assert pod["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"
    if name == "kubeflow-0.7":
        path = f"deploy/overlays/{name}"
        show(
            "S13", "all of the overlay", f"kubectl delete -k {path}", "all webhooks deleted", "gone; the rest as it was"
        )


def pods_of(cluster: Cluster, count: int) -> list[dict[str, Any]]:
    """Wait for a pod of each Deployment; the namespace lets none in that Pod Security calls less than restricted."""

    def names() -> set[str]:
        return {
            pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in cluster.request("GET", PODS).body["items"]
        }

    wait(lambda: len(names()) == count, "pod of each Deployment")
    found: list[dict[str, Any]] = cluster.request("GET", PODS).body["items"]
    return found


@pytest.mark.parametrize("name", ALL)
def test_every_overlay_is_ours_and_has_the_image_from_one_place(cluster_without_us: Cluster, name: str) -> None:
    objects = rendered(cluster_without_us, OVERLAYS / name)
    assert [obj["metadata"]["name"] for obj in of_kind(objects, "MutatingWebhookConfiguration")] == [NAME]
    assert [obj for obj in objects if obj["metadata"]["labels"]["app.kubernetes.io/part-of"] == NAMESPACE] == objects
    [enforced] = [
        each["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") for each in of_kind(objects, "Namespace")
    ]
    assert enforced == (None if name == "openshift-4.2" else "restricted")  # 4.2 does not know it
    for spec in deployments(cluster_without_us, name).values():
        assert {container["image"] for container in spec["containers"]} == {PLACEHOLDER}
        assert all(container["securityContext"] == RESTRICTED for container in spec["containers"])
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & spec["securityContext"].keys()
        assert all({"requests", "limits"} <= container["resources"].keys() for container in spec["containers"])


@pytest.mark.parametrize("name", NO_ACCESS)
def test_the_server_has_no_token_and_no_right(cluster_without_us: Cluster, name: str) -> None:
    objects = rendered(cluster_without_us, OVERLAYS / name)
    bound = [subject["name"] for obj in objects if obj["kind"].endswith("RoleBinding") for subject in obj["subjects"]]
    assert NAMESPACE not in bound
    assert not of_kind(objects, "ClusterRole")
    server = deployments(cluster_without_us, name)[NAMESPACE]
    assert server["automountServiceAccountToken"] is False
    assert {volume["name"] for volume in server["volumes"]} == {"config", "certificate", "tmp"}


def test_on_4_2_our_pods_are_admitted_by_restricted(cluster_like_4_2: Cluster) -> None:
    cluster = cluster_like_4_2
    kinds = ("Namespace", "ServiceAccount", "ConfigMap", "Secret", "Deployment")
    documents = reader.documents(text_of(cluster, OVERLAYS / "openshift-4.2"), "rendered")
    text = "---\n".join(d.text.removeprefix("---\n") for d in documents if d.value["kind"] in kinds)
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", send=text)
    pods = pods_of(cluster, 2)
    assert {pod["metadata"]["annotations"]["openshift.io/scc"] for pod in pods} == {"restricted"}
    cluster.kubectl("delete", "deployment", "--all", "-n", NAMESPACE)


def test_what_fails_closed_is_ignored_in_the_overlay_that_says_so(cluster_without_us: Cluster) -> None:
    def policies(name: str) -> list[str]:
        [configuration] = of_kind(rendered(cluster_without_us, OVERLAYS / name), "MutatingWebhookConfiguration")
        return [entry["failurePolicy"] for entry in configuration["webhooks"]]

    assert set(policies("openshift")) == {"Fail", "Ignore"}
    assert policies("all-ignore") == ["Ignore"] * len(policies("openshift"))


def test_a_profile_is_given_its_network_policy(cluster_without_us: Cluster) -> None:
    policy = str(DEPLOY / "profile/network-policy.yaml")
    said = cluster_without_us.kubectl("apply", "--dry-run=server", "-n", "kubeflow", "-f", policy)
    assert said.stdout == "networkpolicy.networking.k8s.io/kubeflow-openshift-profile created (server dry run)\n"
    assert said.stderr == ""
