"""The default SCCs as a table: which SCCs admit a pod with one special field, and what each SCC assigns.

The table was written from OpenShift's manifests.
"""

from typing import Any

import pytest

from webhook.scc import ranges

Object = dict[str, Any]
FIRST, LEVEL = 1_000_650_000, "s0:c26,c5"
NAMESPACE = {
    "name": "demo",
    "annotations": {ranges.UID_RANGE: f"{FIRST}/10000", ranges.GROUPS: f"{FIRST}/10000", ranges.LEVEL: LEVEL},
}
FOUR = ["KILL", "MKNOD", "SETGID", "SETUID"]
VOLUMES = "configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim secret"
ALL = (
    "anyuid restricted-v2 restricted-v3 restricted nonroot-v2 nonroot hostmount-anyuid hostmount-anyuid-v2 "
    "hostnetwork-v2 hostnetwork hostaccess privileged"
)
IN_ORDER = ALL.split()
NO_V3 = ALL.replace("restricted-v3 ", "")
V2 = "restricted-v2 restricted-v3 nonroot-v2 hostnetwork-v2 privileged"
ESCALATES = "anyuid restricted nonroot hostmount-anyuid hostmount-anyuid-v2 hostnetwork hostaccess privileged"
ANY = "anyuid hostmount-anyuid hostmount-anyuid-v2 privileged"
NOT_ROOT = f"nonroot-v2 nonroot {ANY}"
IN_RANGE = f"restricted-v2 restricted hostnetwork-v2 hostnetwork hostaccess {NOT_ROOT}"
NETWORK = "hostnetwork-v2 hostnetwork hostaccess privileged"
MOUNT = "hostmount-anyuid hostmount-anyuid-v2 privileged"
ANY_GROUP = f"restricted-v2 restricted hostaccess {NOT_ROOT}"


def asks(what: str, admitted_by: str, **spec: Any) -> Any:
    return pytest.param(spec, admitted_by, id=what)


def volume(kind: str, **source: Any) -> Object:
    return {"volumes": [{"name": "v", kind: source}]}


def container(**context: Any) -> Object:
    return {"containers": [{"name": "main", "image": "i", "securityContext": context}]}


def pod_context(**context: Any) -> Object:
    return {"securityContext": context}


def port(number: int) -> Object:
    return {"containers": [{"name": "main", "image": "i", "ports": [{"containerPort": 80, "hostPort": number}]}]}


PODS = [
    asks("nothing", ALL),
    asks("no user namespace", NO_V3, hostUsers=True),
    asks("no word about user namespaces", NO_V3, hostUsers=None),
    asks("hostNetwork", NETWORK, hostNetwork=True),
    asks("hostPort", NETWORK, **port(80)),
    asks("hostPID", "hostaccess privileged", hostPID=True),
    asks("hostIPC", "hostaccess privileged", hostIPC=True),
    asks("privileged", "privileged", **container(privileged=True)),
    asks("escalation", ESCALATES, **container(allowPrivilegeEscalation=True)),
    asks("a file system to write to", ALL, **container(readOnlyRootFilesystem=False)),
    asks("a low port", V2, **container(capabilities={"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]})),
    asks("NET_ADMIN", "privileged", **container(capabilities={"add": ["NET_ADMIN"], "drop": ["ALL"]})),
    asks("RuntimeDefault", V2, **pod_context(seccompProfile={"type": "RuntimeDefault"})),
    asks("Unconfined", "privileged", **pod_context(seccompProfile={"type": "Unconfined"})),
    asks("a safe sysctl", ALL, **pod_context(sysctls=[{"name": "kernel.shm_rmid_forced", "value": "1"}])),
    asks("an unsafe sysctl", "privileged", **pod_context(sysctls=[{"name": "kernel.msgmax", "value": "1"}])),
    asks(
        "another SELinux level", "hostmount-anyuid-v2 privileged", **pod_context(seLinuxOptions={"level": "s0:c1,c2"})
    ),
    asks("user 0", ANY, **pod_context(runAsUser=0)),
    *(
        asks(f"user {user}", NOT_ROOT, **pod_context(runAsUser=user))
        for user in (999, 65_535, FIRST - 1, FIRST + 10_000)
    ),
    *(asks(f"user {user}", f"restricted-v3 {NOT_ROOT}", **pod_context(runAsUser=user)) for user in (1000, 65_534)),
    *(asks(f"user {user}", IN_RANGE, **pod_context(runAsUser=user)) for user in (FIRST, FIRST + 9_999)),
    asks("root allowed", ALL.replace("nonroot-v2 nonroot ", ""), **container(runAsNonRoot=False)),
    *(asks(f"fsGroup {group}", NOT_ROOT, **pod_context(fsGroup=group)) for group in (0, 999, 65_535, FIRST + 1)),
    *(asks(f"fsGroup {group}", f"restricted-v3 {NOT_ROOT}", **pod_context(fsGroup=group)) for group in (1000, 65_534)),
    asks("fsGroup of the namespace", IN_RANGE, **pod_context(fsGroup=FIRST)),
    *(
        asks(f"group {group}", ANY_GROUP, **pod_context(supplementalGroups=[group]))
        for group in (0, 999, 65_535, FIRST + 10_000)
    ),
    *(
        asks(f"group {group}", f"restricted-v3 {ANY_GROUP}", **pod_context(supplementalGroups=[group]))
        for group in (1000, 65_534)
    ),
    *(asks(f"group {group}", NO_V3, **pod_context(supplementalGroups=[group])) for group in (FIRST, FIRST + 9_999)),
    *(asks(f"volume {kind}", ALL, **volume(kind)) for kind in VOLUMES.split()),
    asks("volume projected", ALL, **volume("projected", sources=[{"secret": {"name": "s"}}])),
    asks("volume hostPath", f"hostaccess {MOUNT}", **volume("hostPath", path="/")),
    asks("volume nfs", MOUNT, **volume("nfs", server="s", path="/")),
    asks("volume iscsi", "privileged", **volume("iscsi", targetPortal="t", iqn="i", lun=0)),
]
ASSIGNS = {  # user, fsGroup, supplemental groups, SELinux level, seccomp, capabilities added and dropped, escalation
    "anyuid": (None, None, None, LEVEL, None, None, ["MKNOD"], None),
    "restricted-v2": (FIRST, FIRST, None, LEVEL, "RuntimeDefault", None, ["ALL"], False),
    "restricted-v3": (1000, 1000, [1000], LEVEL, "RuntimeDefault", None, ["ALL"], False),
    "restricted": (FIRST, FIRST, None, LEVEL, None, None, FOUR, None),
    "nonroot-v2": (None, None, None, LEVEL, "RuntimeDefault", None, ["ALL"], False),
    "nonroot": (None, None, None, LEVEL, None, None, FOUR, None),
    "hostmount-anyuid": (None, None, None, LEVEL, None, None, ["MKNOD"], None),
    "hostmount-anyuid-v2": (None, None, None, None, None, None, ["MKNOD"], None),
    "hostnetwork-v2": (FIRST, FIRST, [FIRST], LEVEL, "RuntimeDefault", None, ["ALL"], False),
    "hostnetwork": (FIRST, FIRST, [FIRST], LEVEL, None, None, FOUR, None),
    "hostaccess": (FIRST, FIRST, None, LEVEL, None, None, FOUR, None),
    "privileged": (None, None, None, None, None, None, None, None),
}
LISTED = {
    "anyuid": ([], ["system:cluster-admins"]),
    "hostmount-anyuid": (["system:serviceaccount:openshift-infra:pv-recycler-controller"], []),
    "privileged": (
        ["system:admin", "system:serviceaccount:openshift-infra:build-controller"],
        ["system:cluster-admins", "system:nodes", "system:masters"],
    ),
}


def in_order(names: str) -> list[str]:
    return sorted(names.split(), key=IN_ORDER.index)


def pod(spec: Object) -> Object:
    basic = {"hostUsers": False, "containers": [{"name": "main", "image": "i"}]}
    return {"metadata": {"name": "p"}, "spec": {**basic, **spec}}


def assigned(admitted: Object) -> tuple[Any, ...]:
    of_pod = admitted["spec"].get("securityContext", {})
    own = admitted["spec"]["containers"][0].get("securityContext", {})
    return (
        own.get("runAsUser"),
        of_pod.get("fsGroup"),
        of_pod.get("supplementalGroups"),
        of_pod.get("seLinuxOptions", {}).get("level"),
        of_pod.get("seccompProfile", {}).get("type"),
        own.get("capabilities", {}).get("add"),
        sorted(own.get("capabilities", {}).get("drop", [])) or None,
        own.get("allowPrivilegeEscalation"),
    )
