"""The overlay openshift, with a service CA that does what the annotations of its objects say."""

from pathlib import Path

from tests.rig.node.node import Node
from tests.support import as_installed, service_ca
from tests.support.as_installed import SETS, stateful_set
from tests.support.pods import first_uid, run, running
from webhook.settings.scopes import NAMESPACE


def test_openshifts_overlay_runs_with_the_service_cas_certificate(node: Node, overlays: Path) -> None:
    """Install it where the overlay self-managed was: its keeper, certificate and CA bundle are gone."""
    cluster = node.cluster
    as_installed.remove(cluster, overlays / "self-managed")
    with service_ca.played(cluster):
        as_installed.install(cluster, overlays / "openshift")

    pods = running(cluster, NAMESPACE, f"app.kubernetes.io/name={NAMESPACE}", count=2)
    assert {run(cluster, pod, "id", "-u").strip() for pod in pods} == {first_uid(cluster, NAMESPACE)}
    cluster.make(SETS, stateful_set("with-service-ca"))
    running(cluster, "kubeflow", "app=with-service-ca")
