"""Who the network policies let in, judged as OVN-Kubernetes judges: each peer in deploy/, and each overlay rendered."""

from collections.abc import Iterator
from typing import Any

from tests.support.overlays import AGENTS, DEPLOY, HOST, HOST_NETWORK
from webhook.manifests import parser, reader
from webhook.objects.model import mapping

Peer = dict[str, Any]


def peers() -> Iterator[tuple[str, Peer]]:
    """Yield each peer of a policy, or of a patch for one, and where it is written."""
    generated = {DEPLOY / "chart", DEPLOY / "install.yaml"}  # both are compared with the overlays
    for path in sorted(path for path in DEPLOY.rglob("*.yaml") if not generated & {path, *path.parents}):
        for document in reader.read([str(path)]):
            obj, where = document.value, str(path.relative_to(DEPLOY))
            if obj.get("kind") == "NetworkPolicy":
                rules = [rule for way in ("ingress", "egress") for rule in obj["spec"].get(way, ())]
                yield from ((where, peer) for rule in rules for way in ("from", "to") for peer in rule.get(way, ()))
            for patch in obj.get("patches", ()):
                if mapping(patch, ("target",)).get("kind") == "NetworkPolicy":
                    operations = parser.parse(patch["patch"], where, 1)
                    found = [each["value"] for each in operations if each["path"].endswith(("/from", "/to"))]
                    yield from ((where, peer) for value in found for peer in value)


def test_a_peer_on_the_hosts_network_is_a_namespace_selector_alone() -> None:
    """Hold each peer against what OVN-Kubernetes makes of it.

    It finds the addresses of hosts only for a namespaceSelector without a podSelector. With one, even an empty one, it
    looks for pods; the namespace with this label stands for the hosts and has none, so nobody is let in.
    """
    found = [peer for _, peer in peers() if mapping(peer, ("namespaceSelector", "matchLabels")).items() & HOST.items()]
    assert found == [HOST_NETWORK]


def test_every_other_peer_is_of_pods_on_the_pod_network() -> None:
    """Name whose pods each is; all of them have addresses of their own, so a podSelector finds them."""
    others = [(where, peer) for where, peer in peers() if peer != HOST_NETWORK]
    pods = {
        "base/network-policies.yaml": 1,  # Prometheus
        "components/openshift-network/kustomization.yaml": 1,  # konnectivity-agent
        "overlays/openshift-4.2/kustomization.yaml": 1,  # Prometheus
        "profile/network-policy.yaml": 4,  # the profile's own, Istio's gateways, controllers, Prometheus
    }
    assert {where: sum(each == where for each, _ in others) for where, _ in others} == pods
    assert AGENTS in [peer for _, peer in others]
    assert not any("ipBlock" in peer for _, peer in others)
