"""A cluster of the real KubeRay computes with the webhook; in a namespace without it it gets no pod."""

from collections.abc import Callable
from pathlib import Path

from tests.rig.cluster import Cluster, wait
from tests.rig.node.node import Node
from tests.support import as_installed, ray, rows
from tests.support.installed import OPTED_IN, namespace
from tests.support.pods import first_uid, run, running


def test_upstreams_sample_of_a_ray_cluster(node: Node, tmp_path: Path, proof: Callable[..., None]) -> None:
    cluster = node.cluster
    namespace(cluster, "kubeflow")
    as_installed.install(cluster, as_installed.copied(tmp_path) / "self-managed")
    ray.install(node)
    plain, team = namespace(cluster, "plain"), namespace(cluster, "team", **OPTED_IN)
    for where in (plain, team):
        ray.create(cluster, where)
    why = wait(lambda: refusal(cluster, plain), "refusal")
    assert "fsGroup" in why

    running(cluster, team, f"ray.io/cluster={ray.NAME}", count=2)
    [head] = running(cluster, team, "ray.io/node-type=head")
    uid = first_uid(cluster, team)
    said = run(cluster, head, "python", "-c", ray.CALLS).strip()
    assert said == f"20 calls as {uid} on 2 nodes"
    proof("Ray", "RayCluster, upstream's sample with the IDs of its image", "KubeRay 1.5.0", uid, said, why)


def refusal(cluster: Cluster, where: str) -> str:
    """Return the first reason for which SCC refused the head's pod."""
    events = cluster.request("GET", f"/api/v1/namespaces/{where}/events").body["items"]
    said = (event["message"] for event in events if event["reason"] == "FailedToCreateHeadPod")
    return next((rows.reason(message) for message in said), "")
