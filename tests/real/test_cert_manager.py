"""The overlay `cert-manager` with the real cert-manager, whose certificates change under a steady load."""

import time
from typing import Any

import pytest

from tests.rig.cluster import wait
from tests.rig.node.node import Node
from tests.support import as_installed, cert_manager, evidence
from tests.support.creating import Created, creating
from tests.support.installed import namespace
from webhook.settings.scopes import NAMESPACE

AUTHORITY = f"{NAMESPACE}-authority"
UNTRUSTED = "certificate signed by unknown authority"
FIGURES: dict[str, dict[str, Any]] = {}


@pytest.fixture(scope="module")
def certified(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Install cert-manager, and then the webhook with its overlay."""
    started = time.monotonic()
    namespace(node.cluster, "kubeflow")
    cert_manager.install(node)
    as_installed.install(node.cluster, as_installed.copied(tmp_path_factory.mktemp("deploy")) / "cert-manager")
    FIGURES["install"] = {"seconds": round(time.monotonic() - started, 1)}
    return node


def test_it_issues_the_certificate_and_every_entry_trusts_it(certified: Node) -> None:
    cluster = certified.cluster
    assert cert_manager.ready(cluster, NAMESPACE)
    [bundle] = set(cert_manager.bundles(cluster))
    assert bundle


def test_a_renewed_ca_and_certificate_refuse_and_miss_nothing(certified: Node) -> None:
    cluster = certified.cluster
    before = cert_manager.bundles(cluster)
    with creating(cluster, after=5) as created:
        for name in (AUTHORITY, NAMESPACE) * 3:
            cert_manager.renew(cluster, name)
            wait(lambda: cert_manager.served(cluster), "new certificate in every replica", 150)
    kept("renewed", created)
    assert (created.refused, created.missed) == ([], 0)
    assert set(cert_manager.bundles(cluster)).isdisjoint(before)


def test_a_new_key_of_the_ca_causes_one_outage_that_ends(certified: Node) -> None:
    """Do what docs/operations.md says after a theft. cert-manager never trusts two CAs at a time."""
    cluster = certified.cluster
    with creating(cluster, after=5) as created:
        for name in (AUTHORITY, NAMESPACE):
            cert_manager.replace(cluster, name)
        cluster.kubectl("rollout", "restart", "-n", NAMESPACE, f"deployment/{NAMESPACE}")
        cluster.kubectl("rollout", "status", "-n", NAMESPACE, f"deployment/{NAMESPACE}", "--timeout=110s")
    kept("new key", created)
    assert created.missed == 0
    assert all(UNTRUSTED in why for _, why in created.refused)


@pytest.fixture(scope="module", autouse=True)
def written(request: pytest.FixtureRequest) -> Any:
    """Write docs/evidence/cert-manager.json if all passed."""
    started, failed = time.time(), request.session.testsfailed
    yield
    if request.session.testsfailed == failed and len(FIGURES) == 3:
        evidence.write("cert-manager", "make test-real ARGS='-k cert_manager'", started, FIGURES)


def kept(event: str, created: Created) -> None:
    """Keep the figures of an event, and print them."""
    print(f"{event}: {created}")
    sent = [when for when, _ in created.refused]
    outage = round(max(sent) - min(sent), 1) if sent else 0
    FIGURES[event] = {"creations": len(created.seconds), "refused": len(sent), "missed": created.missed}
    FIGURES[event]["seconds of refusals"] = outage
