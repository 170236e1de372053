"""The overlay openshift, with a service CA that does what the annotations of its objects say."""

from pathlib import Path

from tests.rig.cluster import wait
from tests.rig.node.node import Node
from tests.support import as_installed
from tests.support.as_installed import SETS, fs_group_of_a_dry_run, stateful_set
from tests.support.pods import first_uid, run, running
from webhook.settings.scopes import NAMESPACE


def test_openshifts_overlay_runs_with_the_service_cas_certificate(node: Node, overlays: Path) -> None:
    """Install it where the overlay self-managed was: its keeper, certificate and CA bundle are gone.

    The restricted policy is not part of this test: no plugin here knows the label of the host network.
    """
    cluster = node.cluster
    as_installed.remove(cluster, overlays / "self-managed")
    cluster.kubectl("apply", "-k", str(overlays / "openshift"))
    cluster.kubectl("delete", "networkpolicy", "--all", "-n", NAMESPACE)
    as_installed.play_the_service_ca(cluster)

    pods = running(cluster, NAMESPACE, f"app.kubernetes.io/name={NAMESPACE}", count=2)
    assert {run(cluster, pod, "id", "-u").strip() for pod in pods} == {first_uid(cluster, NAMESPACE)}
    wait(lambda: fs_group_of_a_dry_run(cluster) is None, "review of a dry run")
    cluster.make(SETS, stateful_set("with-service-ca"))
    running(cluster, "kubeflow", "app=with-service-ca")
