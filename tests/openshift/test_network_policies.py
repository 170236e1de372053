"""Which peers may reach the webhook, in each overlay as it is rendered."""

from typing import Final

import pytest

from tests.rig.cluster import Cluster
from tests.support.overlays import AGENTS, ALL, HOST_NETWORK, OVERLAYS, of_kind, rendered

ANY_KUBERNETES: Final = {"self-managed", "cert-manager", "openshift-4.2"}


@pytest.mark.parametrize("name", ALL)
def test_the_api_server_reaches_the_webhook(cluster_without_us: Cluster, name: str) -> None:
    """Outside OpenShift its labels do not exist and no policy can select the API server: the port is open to all."""
    policies = of_kind(rendered(cluster_without_us, OVERLAYS / name), "NetworkPolicy")
    [policy] = [each["spec"] for each in policies if each["metadata"]["name"] == "kubeflow-openshift"]
    [reviews, metrics] = policy["ingress"]
    assert [port["port"] for port in (*reviews["ports"], *metrics["ports"])] == [8443, 8080]
    assert reviews.get("from") == (None if name in ANY_KUBERNETES else [HOST_NETWORK, AGENTS])
    assert metrics["from"]
