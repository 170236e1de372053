"""Profile namespaces lose the injection label, with a warning that people see; and which namespaces are sent at all."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.rig.cluster import Cluster
from tests.support.installed import crd, deployment, namespace, serve
from webhook.settings.scopes import SCOPES

INJECTED = {"istio-injection": "enabled", "katib-metricscollector-injection": "enabled"}
WARNING = "Istio sidecars"


@pytest.fixture(scope="module")
def profile(cluster: Cluster) -> dict[str, Any]:
    """Serve Profiles, make one, and return the reference to it that its namespaces carry."""
    path = serve(cluster, crd("Profile", "profiles", "Cluster"))
    body = {"apiVersion": "kubeflow.org/v1", "kind": "Profile", "metadata": {"name": "alice"}}
    owner = {"apiVersion": "kubeflow.org/v1", "kind": "Profile", "name": "alice"}
    owner["uid"] = cluster.make(path, body)["metadata"]["uid"]
    return {**owner, "controller": True, "blockOwnerDeletion": True}


def space(name: str, *owners: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": INJECTED, "ownerReferences": list(owners)},
    }


def test_a_namespace_that_a_profile_owns_loses_the_label_and_another_keeps_it(
    cluster: Cluster, profile: dict[str, Any], show: Callable[..., None]
) -> None:
    applied = cluster.kubectl("apply", "-f", "-", send=json.dumps(space("alice", profile)))
    assert WARNING in applied.stderr
    assert applied.stderr.startswith("Warning: istio-injection: ")
    labels = cluster.request("GET", "/api/v1/namespaces/alice").body["metadata"]["labels"]
    assert "istio-injection" not in labels
    assert labels["katib-metricscollector-injection"] == "enabled"

    kept = cluster.kubectl("apply", "-f", "-", send=json.dumps(space("bob")))
    assert WARNING not in kept.stderr
    labels = cluster.request("GET", "/api/v1/namespaces/bob").body["metadata"]["labels"]
    assert labels["istio-injection"] == "enabled"
    show(
        "S2", "a profile's namespace", "kubectl apply", "istio-injection: enabled", "without the label, with a warning"
    )


def test_dry_run_and_diff_show_what_would_be_stored(cluster: Cluster, profile: dict[str, Any]) -> None:
    text = json.dumps(space("carol", profile))
    dry = cluster.kubectl("apply", "--dry-run=server", "-o", "json", "-f", "-", send=text)
    assert "istio-injection" not in json.loads(dry.stdout)["metadata"]["labels"]
    assert cluster.request("GET", "/api/v1/namespaces/carol").status == 404

    would_be_new = cluster.kubectl("diff", "-f", "-", send=text, check=False)
    assert would_be_new.returncode == 1
    assert "istio-injection" not in would_be_new.stdout.replace("last-applied-configuration", "")
    cluster.kubectl("apply", "-f", "-", send=text)
    applied = cluster.kubectl("diff", "-f", "-", send=text, check=False)
    assert (applied.returncode, applied.stdout) == (0, "")


@pytest.mark.parametrize("scope", SCOPES[1:], ids=lambda scope: scope.name)
def test_every_way_to_be_kubeflows_is_reviewed_once(cluster: Cluster, scope: Any) -> None:
    where = namespace(cluster, f"scope-{scope.name}", **{scope.key: scope.values[0]})
    assert reviewed(cluster, where)


def test_a_namespace_of_kubeflows_own_components_is_reviewed(cluster: Cluster) -> None:
    assert reviewed(cluster, namespace(cluster, "kubeflow"))


@pytest.mark.parametrize("name", ["tenant", "openshift-monitoring", "kube-extra"])
def test_other_tenants_and_the_platform_never_meet_us(cluster: Cluster, name: str) -> None:
    labels = {} if name == "tenant" else {"kubeflow-openshift": "enabled"}
    assert not reviewed(cluster, namespace(cluster, name, **labels))


def reviewed(cluster: Cluster, where: str) -> bool:
    body = deployment("it", securityContext={"fsGroup": 100})
    made = cluster.make(f"/apis/apps/v1/namespaces/{where}/deployments", body)
    return "fsGroup" not in made["spec"]["template"]["spec"]["securityContext"]
