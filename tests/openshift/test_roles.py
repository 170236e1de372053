"""Controllers may own what they make: OpenShift forbids it without `*/finalizers`, which upstream's 0.7 roles lack."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.rig.cluster import Cluster, Response, wait
from tests.support import upstream
from tests.support.installed import crd, install_again, namespace, serve, uninstall
from tests.support.server import Server

RBAC = "/apis/rbac.authorization.k8s.io/v1"
OWNERS = {
    # owner's kind: its plural and group, and upstream's ClusterRole of the controller that makes what it owns
    "Workflow": ("workflows", "argoproj.io", "argo.yaml", "argo"),
    "TFJob": ("tfjobs", "kubeflow.org", "tf-training__tf-job-operator.yaml", "tf-job-operator"),
    "PyTorchJob": ("pytorchjobs", "kubeflow.org", "pytorch-job__pytorch-operator.yaml", "pytorch-operator"),
    "Notebook": ("notebooks", "kubeflow.org", "jupyter__notebook-controller.yaml", "notebook-controller-role"),
    "Experiment": ("experiments", "kubeflow.org", "katib__katib-controller.yaml", "katib-controller"),
}


def upstream_role(file: str, name: str) -> dict[str, Any]:
    """Return a ClusterRole of upstream's 0.7, whatever prefix its kustomization put before the name."""
    if not upstream.FOLDER.is_dir():
        pytest.skip(f"{upstream.FOLDER} is not there: UPSTREAM_MANIFESTS names the folder with upstream's manifests")
    objects = upstream.read(upstream.FOLDER / "kubeflow-0.7-served")
    roles = [obj for obj in objects if obj["kind"] == "ClusterRole" and obj["metadata"]["name"].endswith(name)]
    assert len(roles) == 1, (file, [role["metadata"]["name"] for role in roles])
    return roles[0]


@contextmanager
def without_us(cluster: Cluster, server: Server) -> Iterator[None]:
    """Take the webhook's registration away for a while."""
    uninstall(cluster)
    try:
        yield
    finally:
        install_again(cluster, server)


def own(cluster: Cluster, where: str, kind: str, group: str, uid: str, name: str) -> Response:
    """Create an object as the controller's account that the owner blocks from deletion, as SetControllerReference."""
    owner = {"apiVersion": f"{group}/v1", "kind": kind, "name": "owner", "uid": uid, "blockOwnerDeletion": True}
    body = {"metadata": {"name": name, "ownerReferences": [{**owner, "controller": True}]}}
    user = f"system:serviceaccount:{where}:controller"
    return cluster.request("POST", f"/api/v1/namespaces/{where}/configmaps", body, user=user)


@pytest.mark.parametrize("kind", OWNERS)
def test_a_controller_with_upstreams_role_may_own_with_us_and_may_not_without(
    cluster: Cluster, webhook: Server, show: Callable[..., None], kind: str
) -> None:
    plural, group, file, name = OWNERS[kind]
    where = namespace(cluster, f"finalizers-{kind.lower()}")
    path = serve(cluster, crd(kind, plural, group=group), where)
    owner = cluster.make(path, {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "owner"}})
    uid = owner["metadata"]["uid"]
    cluster.make(f"/api/v1/namespaces/{where}/serviceaccounts", {"metadata": {"name": "controller"}})
    role = upstream_role(file, name)
    maker = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}]
    for bound, rules in ((role["metadata"]["name"], None), (f"maker-{kind.lower()}", maker)):
        if rules:
            cluster.make(f"{RBAC}/clusterroles", {"metadata": {"name": bound}, "rules": rules})
        subject = {"kind": "ServiceAccount", "name": "controller", "namespace": where}
        ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": bound}
        binding = {"metadata": {"name": f"{where}-{bound}"}, "subjects": [subject], "roleRef": ref}
        cluster.make(f"{RBAC}/clusterrolebindings", binding)

    with without_us(cluster, webhook):
        cluster.kubectl("apply", "-f", "-", send=json.dumps(role))
        wait(lambda: own(cluster, where, kind, group, uid, "denied").body.get("reason") == "Forbidden", "refusal")
        denied = own(cluster, where, kind, group, uid, "denied")
        assert denied.status == 403
        assert "cannot set blockOwnerDeletion" in denied.body["message"]

    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", send=json.dumps(role))
    wait(lambda: own(cluster, where, kind, group, uid, "allowed").status in (201, 409), "right to own")
    rules = cluster.request("GET", f"{RBAC}/clusterroles/{role['metadata']['name']}").body["rules"]
    assert rules[: len(role["rules"])] == role["rules"]
    added = {resource for rule in rules[len(role["rules"]) :] for resource in rule["resources"]}
    assert f"{plural}/finalizers" in added
    assert all(rule["verbs"] == ["update"] for rule in rules[len(role["rules"]) :])
    diff = cluster.kubectl("diff", "-f", "-", send=json.dumps(role), check=False)
    assert (diff.returncode, diff.stdout) == (0, "")
    what = f"0.7's ClusterRole {role['metadata']['name']} owns a {kind}'s object"
    row = "S7" if kind == "TFJob" else "S5"
    show(row, what, "kubectl create --as its account", "forbidden: cannot set blockOwnerDeletion", "allowed")


def test_a_tenant_writes_a_role_in_a_profile_as_before(cluster: Cluster) -> None:
    """The tenant may create Notebooks, and Roles for what they may do: the webhook appends nothing that they lack."""
    where = namespace(cluster, "finalizers-of-alice", **{"app.kubernetes.io/part-of": "kubeflow-profile"})
    verbs = ["create", "get", "list", "patch", "update"]  # not all: `escalate` would end the check
    held = [
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": verbs},
        {"apiGroups": ["kubeflow.org"], "resources": ["notebooks"], "verbs": verbs},
    ]
    labels = {"rbac.authorization.kubeflow.org/aggregate-to-kubeflow-admin": "true"}  # which the rule leaves alone
    cluster.make(f"{RBAC}/clusterroles", {"metadata": {"name": "owner", "labels": labels}, "rules": held})
    binding = {
        "metadata": {"name": "owner"},
        "subjects": [{"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "owner"},
    }
    cluster.make(f"{RBAC}/namespaces/{where}/rolebindings", binding)
    rules = [{"apiGroups": ["kubeflow.org"], "resources": ["notebooks"], "verbs": ["create", "get", "list"]}]
    role = {"metadata": {"name": "notebook-launcher"}, "rules": rules}
    wait(lambda: cluster.request("GET", f"{RBAC}/namespaces/{where}/roles", user="alice").status == 200, "rights")

    created = cluster.request("POST", f"{RBAC}/namespaces/{where}/roles", role, user="alice")
    assert (created.status, created.body.get("rules")) == (201, rules), created.body
    cluster.kubectl("--as", "alice", "label", "role", "notebook-launcher", "a=b", "-n", where)


def test_rbacs_escalation_check_is_still_in_force(cluster: Cluster) -> None:
    """An account that may only create roles cannot create this one, with the webhook or without."""
    rules = [{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["create"]}]
    cluster.make(f"{RBAC}/clusterroles", {"metadata": {"name": "role-maker"}, "rules": rules})
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "role-maker"}
    subject = {"kind": "User", "name": "tenant", "apiGroup": "rbac.authorization.k8s.io"}
    binding = {"metadata": {"name": "role-maker"}, "subjects": [subject], "roleRef": ref}
    cluster.make(f"{RBAC}/clusterrolebindings", binding)
    wanted = [{"apiGroups": ["kubeflow.org"], "resources": ["notebooks"], "verbs": ["create"]}]

    def ask() -> Response:
        body = {"metadata": {"name": "escalated"}, "rules": wanted}
        return cluster.request("POST", f"{RBAC}/clusterroles", body, user="tenant")

    wait(lambda: "attempting to grant" in ask().body["message"], "right to create roles")
    refused = ask()
    assert refused.status == 403
    assert "notebooks/finalizers" in json.dumps(refused.body)
