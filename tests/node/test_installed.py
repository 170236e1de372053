"""The webhook as it is installed: from its own image, as any UID, behind its Service, with its keeper."""

import pytest

from tests.reliability.killed_servers import figures
from tests.rig.cluster import wait
from tests.rig.node.node import Node
from tests.support.as_installed import SETS, stateful_set
from tests.support.creating import PER_SECOND, Created, creating
from tests.support.installed import refusals
from tests.support.killed_server import KILLS, PODS, killed, servers
from tests.support.pods import first_uid, run, running
from webhook.settings.scopes import NAMESPACE

KEEPER = "kubeflow-openshift-certificates"
NAME = "app.kubernetes.io/name"


def test_a_notebooks_set_gets_no_pod_without_it_and_runs_with_it(installed: Node) -> None:
    cluster = installed.cluster
    assert "fsGroup: Invalid value: [100]: 100 is not an allowed group" in refusals(cluster, "kubeflow")[0]
    cluster.make(SETS, stateful_set("after"))
    [pod] = running(cluster, "kubeflow", "app=after")
    uid = first_uid(cluster, "kubeflow")
    assert run(cluster, pod, "id").strip() == f"uid={uid} gid=0(root) groups=0(root),{uid}"


def test_its_pods_have_no_more_than_they_say(installed: Node) -> None:
    cluster = installed.cluster
    for pod in (*servers(installed), *running(cluster, NAMESPACE, f"{NAME}={KEEPER}")):
        assert pod["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"
        assert run(cluster, pod, "id", "-u").strip() == first_uid(cluster, NAMESPACE)
        tried = cluster.kubectl("exec", "-n", NAMESPACE, pod["metadata"]["name"], "--", "touch", "/it", check=False)
        assert "Read-only file system" in tried.stderr
        has_token = "secrets/kubernetes.io/serviceaccount" in run(cluster, pod, "cat", "/proc/mounts")
        assert has_token == (pod["metadata"]["labels"][NAME] == KEEPER)


def test_a_rolling_update_refuses_and_misses_nothing(installed: Node) -> None:
    servers(installed)
    with creating(installed.cluster) as created:
        kubectl = installed.cluster.kubectl
        kubectl("rollout", "restart", "-n", NAMESPACE, "deployment", NAMESPACE)
        kubectl("rollout", "status", "-n", NAMESPACE, "deployment", NAMESPACE, "--timeout=110s")
        servers(installed)
    answered(created, "rolling update")


def test_an_eviction_refuses_and_misses_nothing(installed: Node) -> None:
    """Evict as a node drain does."""
    [pod, _] = servers(installed)
    name = pod["metadata"]["name"]
    with creating(installed.cluster) as created:
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        assert installed.cluster.request("POST", f"{PODS}/{name}/eviction", eviction).status == 201
        wait(lambda: installed.cluster.request("GET", f"{PODS}/{name}").status == 404, "evicted pod gone", 60)
        servers(installed)
    answered(created, "eviction")


def answered(created: Created, event: str) -> None:
    print(f"{event}: {created}")
    assert (created.refused, created.missed) == ([], 0)
    assert len(created.seconds) > 100


@pytest.mark.parametrize("how", KILLS)
def test_a_killed_server_is_missed_for_a_moment(installed: Node, how: str) -> None:
    """Kill the one that answers. Less than one second of creations is refused, and nothing stays as written."""
    created, _ = killed(installed, how)
    print(f"{how}: {created}")
    seen = figures(created, how)
    assert (seen["missed"], seen["otherwise"]) == (0, 0)
    assert seen["refused"] < PER_SECOND
