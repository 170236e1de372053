"""From OpenShift 4.20 on, a pod in a user namespace of its own keeps the IDs of its image, by `restricted-v3`."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.rig.cluster import Cluster, running, wait
from tests.support.installed import deployment, namespace

IMAGES_USER = {"runAsUser": 1000}


@pytest.fixture(scope="module")
def cluster_like_4_20(rig: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("rig-4.20"), mode="like-4.20") as cluster:
        yield cluster


def verdict(cluster: Cluster, name: str, **pod_spec: Any) -> str:
    """Return the SCC that admits the pod of a Deployment, or why it is refused."""
    where = namespace(cluster, name)
    cluster.make(f"/apis/apps/v1/namespaces/{where}/deployments", deployment("web", **pod_spec))

    def seen() -> str:
        for pod in cluster.request("GET", f"/api/v1/namespaces/{where}/pods").body["items"]:
            admitted_by: str = pod["metadata"]["annotations"]["openshift.io/scc"]
            return admitted_by
        events = cluster.request("GET", f"/api/v1/namespaces/{where}/events").body["items"]
        return next((event["message"] for event in events if event["reason"] == "FailedCreate"), "")

    return wait(seen, "pod or refusal")


def test_a_pod_in_a_user_namespace_keeps_its_user(cluster_like_4_20: Cluster) -> None:
    assert verdict(cluster_like_4_20, "own-users", hostUsers=False, securityContext=IMAGES_USER) == "restricted-v3"


def test_restricted_v2_is_still_for_everyone_and_tried_first(cluster_like_4_20: Cluster) -> None:
    assert verdict(cluster_like_4_20, "plain") == "restricted-v2"
    assert verdict(cluster_like_4_20, "no-user", hostUsers=False) == "restricted-v2"


def test_the_user_is_refused_on_the_nodes_own_users(cluster_like_4_20: Cluster) -> None:
    refusal = verdict(cluster_like_4_20, "nodes-users", securityContext=IMAGES_USER)
    assert "1000: must be in the ranges" in refusal
    assert "provider restricted-v3: .spec.securityContext.hostUsers: Invalid value: null" in refusal


def test_before_4_20_a_user_namespace_does_not_help(cluster_without_us: Cluster) -> None:
    where = "own-users"
    refusal = verdict(cluster_without_us, where, hostUsers=False, securityContext=IMAGES_USER)
    cluster_without_us.kubectl("delete", "namespace", where, "--wait=false")
    assert 'provider "restricted-v3": Forbidden: not usable by user or serviceaccount' in refusal
