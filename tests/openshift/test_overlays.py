"""The overlays for Kubeflow 0.7: what they grant and to whom, and the ways they take."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rig.cluster import Cluster, wait
from tests.support import upstream
from tests.support.installed import deployment
from tests.support.overlays import DEPLOY, GRANTS, OVERLAYS, everything, of_kind, rendered
from webhook.manifests import reader
from webhook.registration import configuration
from webhook.rules import RULES
from webhook.settings.scopes import SCOPES_0_7

ISTIO = "kubeflow-0.7-served/istio__istio-install.yaml"
PILOT = "istio-pilot-service-account"
PATH = "deploy/overlays/kubeflow-0.7"
APPLY = f"kubectl apply -k {PATH}"
Object = dict[str, Any]
Show = Callable[..., None]


@pytest.fixture
def cluster(cluster_without_us: Cluster) -> Cluster:
    """Return a cluster without the webhook, which the test installs."""
    return cluster_without_us


def granted(cluster: Cluster) -> dict[str, list[str]]:
    """Return the service accounts that the overlay grants anyuid, by namespace."""
    bindings = of_kind(rendered(cluster, GRANTS), "RoleBinding")
    assert {binding["roleRef"]["name"] for binding in bindings} == {"system:openshift:scc:anyuid"}
    return {each["metadata"]["namespace"]: [who["name"] for who in each["subjects"]] for each in bindings}


def istio() -> list[Object]:
    """Return Istio 1.1.6 as Kubeflow 0.7 has it."""
    if not (upstream.FOLDER / ISTIO).is_file():
        pytest.skip("UPSTREAM_MANIFESTS names no folder with Istio's manifests")
    return [document.value for document in reader.read([str(upstream.FOLDER / ISTIO)])]


def may_use_anyuid(cluster: Cluster, where: str, account: str) -> bool:
    question = ("auth", "can-i", "use", "securitycontextconstraints.security.openshift.io/anyuid", "-n", where)
    return cluster.kubectl(*question, user=f"system:serviceaccount:{where}:{account}", check=False).returncode == 0


def scc_of_a_pod(cluster: Cluster, where: str, name: str, account: str) -> str:
    """Create a Deployment whose pods say nothing of who they are, and return what admitted one."""
    cluster.make(f"/apis/apps/v1/namespaces/{where}/deployments", deployment(name, serviceAccountName=account))
    pods = f"/api/v1/namespaces/{where}/pods?labelSelector=app%3D{name}"
    found: list[Object] = wait(lambda: cluster.request("GET", pods).body["items"], f"pod of {name}")
    cluster.kubectl("delete", "deployment", name, "-n", where)
    return str(found[0]["metadata"]["annotations"]["openshift.io/scc"])


def test_without_match_conditions_all_else_is_the_same(cluster: Cluster) -> None:
    with_them, without = (rendered(cluster, OVERLAYS / name) for name in ("openshift", "without-match-conditions"))
    for entry in of_kind(with_them, "MutatingWebhookConfiguration")[0]["webhooks"]:
        assert entry.pop("matchConditions")
    assert without == with_them


def test_kubeflow_0_7_chooses_profiles_by_the_label_that_they_carry(cluster: Cluster) -> None:
    def entries(name: str) -> dict[str, Object]:
        [found] = of_kind(rendered(cluster, OVERLAYS / name), "MutatingWebhookConfiguration")
        return {entry["name"]: entry for entry in found["webhooks"]}

    usual, expected = entries("openshift"), configuration.configuration(RULES.values(), SCOPES_0_7)
    selectors = {each["name"]: {"namespaceSelector": each.get("namespaceSelector")} for each in expected["webhooks"]}
    for name in usual:
        usual[name] |= selectors[name] if ".profiles." in name else {}
    assert entries("kubeflow-0.7") == usual


def test_those_whose_images_need_root_may_use_anyuid_and_nobody_else(cluster: Cluster, show: Show) -> None:
    accounts = "/api/v1/namespaces/istio-system/serviceaccounts"
    cluster.make(accounts, {"metadata": {"name": PILOT}})
    before = everything(cluster)
    those = [(where, account) for where, names in granted(cluster).items() for account in names]
    others = [("kubeflow", "default"), ("istio-system", "default"), ("istio-system", "minio"), ("default", "minio")]
    assert not any(may_use_anyuid(cluster, *who) for who in those)
    without = scc_of_a_pod(cluster, "istio-system", "before", PILOT)

    cluster.kubectl("apply", "-k", str(GRANTS))
    try:
        assert all(may_use_anyuid(cluster, *who) for who in those)
        assert not any(may_use_anyuid(cluster, *who) for who in others)
        assert scc_of_a_pod(cluster, "kubeflow", "other", "default") == "restricted-v2"
        for account in ("minio", "metadatadb"):
            assert scc_of_a_pod(cluster, "kubeflow", account, account) == "anyuid"
        with_us = scc_of_a_pod(cluster, "istio-system", "after", PILOT)
    finally:
        cluster.kubectl("delete", "-k", str(GRANTS))
    assert everything(cluster) == before
    cluster.request("DELETE", f"{accounts}/{PILOT}")
    assert (without, with_us) == ("restricted-v2", "anyuid")
    show("S9", "a pod under Istio's accounts", APPLY, f"admitted by {without}", f"admitted by {with_us}; not started")


def test_nobody_is_granted_anyuid_who_is_not_there(cluster: Cluster) -> None:
    """Else anyone who may create service accounts could take a grant that waits for a name."""
    there = {account["metadata"]["name"] for account in of_kind(istio(), "ServiceAccount")}
    made = {account["metadata"]["name"] for account in of_kind(rendered(cluster, GRANTS), "ServiceAccount")}
    assert set(granted(cluster)["istio-system"]) <= there
    assert set(granted(cluster)["kubeflow"]) == made


def test_the_route_leads_to_the_port_of_the_gateway_that_upstream_has(cluster: Cluster, show: Show) -> None:
    [route] = of_kind(rendered(cluster, GRANTS), "Route")
    [service] = [o for o in of_kind(istio(), "Service") if o["metadata"]["name"] == route["spec"]["to"]["name"]]
    assert service["metadata"]["namespace"] == route["metadata"]["namespace"]
    assert route["spec"]["port"]["targetPort"] in {port.get("name") for port in service["spec"]["ports"]}

    show("S12", "the Route to the dashboard", APPLY, "none", "stored, for a port of upstream's Service; not opened")


def test_what_kfctl_is_given_is_what_the_overlay_renders(cluster: Cluster, show: Show, tmp_path: Path) -> None:
    entry = reader.one_document(OVERLAYS / "kubeflow-0.7/kfdef-application.yaml").value["spec"]
    [application], [repo] = entry["applications"], entry["repos"]
    assert application["kustomizeConfig"]["repoRef"]["name"] == repo["name"]
    folder = tmp_path / application["kustomizeConfig"]["repoRef"]["path"]
    folder.mkdir()
    text = cluster.kubectl("kustomize", str(OVERLAYS / "kubeflow-0.7")).stdout
    (folder / "all.yaml").write_text(text)
    (folder / "kustomization.yaml").write_text("resources: [all.yaml]\n")

    objects = rendered(cluster, folder)

    assert objects == rendered(cluster, OVERLAYS / "kubeflow-0.7")
    show("S10", "an application for a KfDef", f"kubectl kustomize {PATH}", "a fork", "rendered alike; kfctl not run")


def test_on_codeready_containers_nothing_needs_a_second_node(cluster: Cluster) -> None:
    usual, small = (rendered(cluster, OVERLAYS / name) for name in ("kubeflow-0.7", "crc"))
    changed = {"Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget"}
    assert {obj["kind"] for obj in usual if obj not in small} == changed
    [deployed] = [obj["spec"] for obj in small if obj not in usual]
    assert "replicas" not in deployed  # which is one
    assert not deployed["template"]["spec"].keys() & {"topologySpreadConstraints", "affinity"}


def test_the_database_of_metadata_on_codeready_containers(cluster: Cluster, show: Show) -> None:
    claim = {"name": "metadata-mysql", "persistentVolumeClaim": {"claimName": "metadata-mysql"}}
    text = json.dumps(deployment("metadata-db", volumes=[claim, {"name": "other", "emptyDir": {}}]))
    database = ("-n", "kubeflow", "deployment", "metadata-db")

    def on() -> dict[str, str]:
        stored = json.loads(cluster.kubectl("get", *database, "-o", "json").stdout)["spec"]["template"]["spec"]
        return {volume["name"]: ", ".join(volume.keys() - {"name"}) for volume in stored["volumes"]}

    cluster.kubectl("apply", "-n", "kubeflow", "-f", "-", send=text)
    patch = "deploy/overlays/crc/metadata-db.yaml"
    cluster.kubectl("patch", *database, "--patch-file", str(DEPLOY.parent / patch))
    patched = on()
    cluster.kubectl("apply", "-n", "kubeflow", "-f", "-", send=text)
    applied_again = on()
    cluster.kubectl("delete", *database)

    assert patched == {"metadata-mysql": "emptyDir", "other": "emptyDir"}
    assert applied_again["metadata-mysql"] == "persistentVolumeClaim"  # so the page says to patch again
    show(
        "S11", "metadata's database", f"kubectl patch --patch-file {patch}", "on a claim", "on an emptyDir; not started"
    )
