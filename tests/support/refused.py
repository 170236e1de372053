"""Pods that OpenShift rejects, each for one reason, and what `explain` must say of it."""

from typing import Any

REFUSED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "fs-group": (
        {"securityContext": {"fsGroup": 100}},
        ("fsGroup", "a group outside the namespace's range", "rule fs-group"),
    ),
    "user": (
        {"securityContext": {"runAsUser": 1000}},
        ("runAsUser", "outside the namespace's range", "rule run-as-user"),
    ),
    "host-path": (
        {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
        ("volumes[0]", "node", "SCC hostmount-anyuid"),
    ),
    "host-network": ({"hostNetwork": True}, ("hostNetwork", "node's network", "SCC hostnetwork-v2")),
    "host-pid": ({"hostPID": True}, ("hostPID", "node's processes", "SCC hostaccess")),
    "host-port": (
        {"ports": [{"containerPort": 80, "hostPort": 80}]},
        ("hostPort", "port of the node", "SCC hostnetwork-v2"),
    ),
    "privileged": ({"context": {"privileged": True}}, ("privileged", "a privileged container", "SCC privileged")),
    "capability": (
        {"context": {"capabilities": {"add": ["NET_ADMIN"]}}},
        ("NET_ADMIN", "a Linux capability", "SCC privileged"),
    ),
    "escalation": (
        {"context": {"allowPrivilegeEscalation": True}},
        ("allowPrivilegeEscalation", "allows privilege escalation", "SCC restricted."),
    ),
    "seccomp": (
        {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
        ("seccomp", "seccomp profile", "SCC privileged"),
    ),
    "sysctl": (
        {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
        ("kernel.msgmax", "unsafe sysctl", "SCC privileged"),
    ),
    "se-linux": (
        {"securityContext": {"seLinuxOptions": {"level": "s0:c1,c2"}}},
        ("seLinuxOptions", "SELinux label", "SCC hostmount-anyuid-v2"),
    ),
}


def pod(spec: dict[str, Any]) -> dict[str, Any]:
    spec = dict(spec)
    container = {
        "name": "main",
        "image": "example",
        "ports": spec.pop("ports", []),
        "securityContext": spec.pop("context", {}),
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "it"}, "spec": {**spec, "containers": [container]}}
