"""What OpenShift's operators create for SCC: the SCCs of the model, a ClusterRole for each, and who is bound to one."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

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
SINCE: Final = {
    "restricted-v2": 11,
    "nonroot-v2": 11,
    "hostnetwork-v2": 11,
    "hostmount-anyuid-v2": 19,
    "restricted-v3": 20,
}
"""The minor version of OpenShift 4 in which an SCC first was; the others were in 4.1."""


def of(minor: int) -> list[str]:
    """Return the names of the SCCs that a minor version of OpenShift 4 has."""
    return [name for name in SCCS if SINCE.get(name, 1) <= minor]


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
