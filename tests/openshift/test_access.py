"""What the service accounts may do, in full; and another apply undoes nothing of the keeper's."""

import base64
import json
from collections.abc import Iterator

import pytest

from tests.rig.cluster import Cluster
from tests.support.overlays import OVERLAYS, applied, of_kind, rendered
from webhook.registration.configuration import NAME
from webhook.settings.scopes import NAMESPACE

KEEPER = "kubeflow-openshift-certificates"
KEEPERS_RIGHTS = {
    "secrets [] [create]",
    "secrets [kubeflow-openshift-certificate] [get update]",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io [zz-kubeflow-openshift] [get patch]",
}
BUNDLE = base64.b64encode(b"a bundle").decode()


def rights(cluster: Cluster, account: str) -> set[str]:
    """Return all that an account of the webhook's namespace may do: resources, names, verbs."""
    listed = cluster.kubectl(
        "auth", "can-i", "--list", "-n", NAMESPACE, user=f"system:serviceaccount:{NAMESPACE}:{account}"
    )
    columns = [[column.strip() for column in line.split("[")] for line in listed.stdout.splitlines()[1:]]
    return {f"{resource} [{names} [{verbs}" for resource, _urls, names, verbs in columns}


@pytest.fixture(scope="module")
def cluster(cluster_without_us: Cluster) -> Iterator[Cluster]:
    """Apply the overlay that has a keeper."""
    with applied(cluster_without_us, "self-managed"):
        yield cluster_without_us


def test_the_server_may_do_nothing_and_the_keeper_what_is_listed_here(cluster: Cluster) -> None:
    anybody = rights(cluster, "nobody")
    assert anybody
    assert rights(cluster, NAMESPACE) == anybody
    assert rights(cluster, KEEPER) - anybody == KEEPERS_RIGHTS


@pytest.mark.parametrize("how", [(), ("--server-side", "--force-conflicts")], ids=["client-side", "server-side"])
def test_the_keepers_work_survives_another_apply(cluster: Cluster, how: tuple[str, ...]) -> None:
    """The manifests name neither caBundle nor data, so no apply reverts them."""
    configuration = ("mutatingwebhookconfiguration", NAME)
    secret = ("secret", "kubeflow-openshift-certificate", "-n", NAMESPACE)
    [rules] = of_kind(rendered(cluster, OVERLAYS / "self-managed"), "MutatingWebhookConfiguration")
    entries = [{"name": each["name"], "clientConfig": {"caBundle": BUNDLE}} for each in rules["webhooks"]]
    cluster.kubectl("patch", *configuration, "--patch", json.dumps({"webhooks": entries}))
    cluster.kubectl("patch", *secret, "--patch", json.dumps({"data": {"serving.pem": BUNDLE}}))

    cluster.kubectl("apply", *how, "-k", str(OVERLAYS / "self-managed"))

    stored = json.loads(cluster.kubectl("get", *configuration, "-o", "json").stdout)
    assert {each["clientConfig"].get("caBundle") for each in stored["webhooks"]} == {BUNDLE}
    kept = json.loads(cluster.kubectl("get", *secret, "-o", "json").stdout)
    assert kept["data"] == {"serving.pem": BUNDLE}
