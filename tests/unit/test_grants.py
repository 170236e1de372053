"""Whom manifests let use which SCC."""

import pytest

from webhook.manifests.reader import documents
from webhook.scc import grants
from webhook.scc.grants import Grants

BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: {kind}
metadata: {{name: it, namespace: kubeflow}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {of}, name: {role}}}
subjects: [{subject}]
"""
ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: {kind}
metadata: {{name: own, namespace: kubeflow}}
rules:
- apiGroups: [security.openshift.io]
  resources: [securitycontextconstraints]
  verbs: [use]
  resourceNames: [nonroot, anyuid]
"""
OWN_SCC = """\
apiVersion: security.openshift.io/v1
kind: SecurityContextConstraints
metadata: {name: own}
users: ["system:serviceaccount:kubeflow:agent"]
runAsUser: {type: RunAsAny}
seLinuxContext: {type: RunAsAny}
"""
OF_ANYUID = "system:openshift:scc:anyuid"
AGENT = "{kind: ServiceAccount, name: agent, namespace: kubeflow}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BINDING.format(kind="RoleBinding", of="ClusterRole", role=OF_ANYUID, subject=AGENT), {"anyuid"}),
        (BINDING.format(kind="ClusterRoleBinding", of="ClusterRole", role="cluster-admin", subject=AGENT), {"*"}),
        (BINDING.format(kind="RoleBinding", of="Role", role="own", subject=AGENT) + "---\n" + ROLE.format(kind="Role"),
         {"nonroot", "anyuid"}),
        (BINDING.format(kind="RoleBinding", of="ClusterRole", role="own", subject="{kind: ServiceAccount, name: agent}")
         + "---\n" + ROLE.format(kind="ClusterRole"), {"nonroot", "anyuid"}),
        (BINDING.format(kind="RoleBinding", of="ClusterRole", role="view", subject=AGENT), set()),
        (OWN_SCC, {"own"}),
    ],
    ids=["default-role", "cluster-admin", "role", "cluster-role", "other-role", "users-of-an-scc"],
)  # fmt: skip
def test_what_manifests_grant_is_known(text: str, expected: set[str]) -> None:
    known = Grants()
    grants.read([obj for each in documents(text, "-") for _, obj in each.objects()], known)
    assert known.granted.get("kubeflow/agent", set()) == expected
