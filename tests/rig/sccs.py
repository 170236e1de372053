"""What OpenShift's operators create for SCC: the SCCs of the model, a ClusterRole for each, and who is bound to one."""

from collections.abc import Iterable, Iterator
from typing import Any

from webhook.scc.defaults import SCCS

SECURITY, RBAC = "security.openshift.io", "rbac.authorization.k8s.io"
UNSAID: dict[str, Any] = {
    "allowHostDirVolumePlugin": False,
    "allowHostIPC": False,
    "allowHostNetwork": False,
    "allowHostPID": False,
    "allowHostPorts": False,
    "allowPrivilegeEscalation": True,
    "allowPrivilegedContainer": False,
    "allowedCapabilities": None,
    "defaultAddCapabilities": None,
    "priority": None,
    "groups": [],
    "readOnlyRootFilesystem": False,
    "users": [],
}
"""What OpenShift's own objects write out and the model leaves out."""


def sccs(names: Iterable[str] = SCCS) -> Iterator[dict[str, Any]]:
    """Yield SCCs as whole objects, with the fields that they have today."""
    for name in names:
        yield {"apiVersion": f"{SECURITY}/v1", "kind": "SecurityContextConstraints", **UNSAID, **SCCS[name]}


def roles(names: Iterable[str] = SCCS) -> Iterator[dict[str, Any]]:
    """Yield the ClusterRole that lets its subjects use an SCC, for each of the named."""
    for name in names:
        resource = {"apiGroups": [SECURITY], "resources": ["securitycontextconstraints"], "resourceNames": [name]}
        yield {"metadata": {"name": role(name)}, "rules": [{**resource, "verbs": ["use"]}]}


def bindings(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the ClusterRoleBinding that lets everyone use an SCC, for each of the named."""
    for name in names:
        subject = {"apiGroup": RBAC, "kind": "Group", "name": "system:authenticated"}
        reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": role(name)}
        yield {"metadata": {"name": role(name)}, "subjects": [subject], "roleRef": reference}


def role(scc: str) -> str:
    """Return the name of the ClusterRole that lets its subjects use an SCC."""
    return f"system:openshift:scc:{scc}"
