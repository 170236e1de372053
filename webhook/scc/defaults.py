"""OpenShift's default SCCs, and the API's defaults for the fields of an SCC."""

import copy
from typing import Any, Final

Scc = dict[str, Any]

VOLUMES: Final = [
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
]  # fmt: skip
OTHER_VOLUMES: Final = [
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephFS", "cinder", "fc", "flexVolume", "flocker",
    "gcePersistentDisk", "gitRepo", "glusterfs", "hostPath", "iscsi", "nfs", "photonPersistentDisk", "portworxVolume",
    "quobyte", "rbd", "scaleIO", "storageOS", "vsphere",
]  # fmt: skip
ALL_VOLUMES: Final = sorted(VOLUMES + OTHER_VOLUMES)
DROP_FOUR: Final = ["KILL", "MKNOD", "SETUID", "SETGID"]


def _scc(name: str, user: str, se_linux: str, fs_group: str, more_groups: str = "RunAsAny", **more: Any) -> Scc:
    return {
        "metadata": {"name": name},
        "runAsUser": {"type": user},
        "seLinuxContext": {"type": se_linux},
        "fsGroup": {"type": fs_group},
        "supplementalGroups": {"type": more_groups},
        "volumes": VOLUMES,
        "requiredDropCapabilities": DROP_FOUR,
        **more,
    }


V2: Final[Scc] = {
    "allowPrivilegeEscalation": False,
    "allowedCapabilities": ["NET_BIND_SERVICE"],
    "requiredDropCapabilities": ["ALL"],
    "seccompProfiles": ["runtime/default"],
}
IMAGE_IDS: Final[Scc] = {"type": "MustRunAs", "ranges": [{"min": 1000, "max": 65534}]}
V3: Final[Scc] = {
    **V2,
    "runAsUser": {"type": "MustRunAsRange", "uidRangeMin": 1000, "uidRangeMax": 65534},
    "fsGroup": IMAGE_IDS,
    "supplementalGroups": IMAGE_IDS,
    "userNamespaceLevel": "RequirePodLevel",
}
"""Since OpenShift 4.20: the image's own IDs, in a user namespace (`hostUsers: false`)."""
NETWORK: Final[Scc] = {"allowHostNetwork": True, "allowHostPorts": True}
HOST: Final[Scc] = {
    **NETWORK,
    "allowHostPID": True,
    "allowHostIPC": True,
    "allowHostDirVolumePlugin": True,
    "volumes": sorted([*VOLUMES, "hostPath"]),
}
MOUNT: Final[Scc] = {
    "allowHostDirVolumePlugin": True,
    "requiredDropCapabilities": ["MKNOD"],
    "volumes": sorted([*VOLUMES, "hostPath", "nfs"]),
}
ANY_ID: Final[Scc] = {"priority": 10, "requiredDropCapabilities": ["MKNOD"], "groups": ["system:cluster-admins"]}
RECYCLER: Final = "system:serviceaccount:openshift-infra:pv-recycler-controller"

SCCS: Final[dict[str, Scc]] = {
    scc["metadata"]["name"]: scc
    for scc in (
        _scc("restricted-v2", "MustRunAsRange", "MustRunAs", "MustRunAs", **V2),
        _scc("restricted", "MustRunAsRange", "MustRunAs", "MustRunAs"),
        _scc("restricted-v3", "MustRunAsRange", "MustRunAs", "MustRunAs", **V3),
        _scc("nonroot-v2", "MustRunAsNonRoot", "MustRunAs", "RunAsAny", **V2),
        _scc("nonroot", "MustRunAsNonRoot", "MustRunAs", "RunAsAny"),
        _scc("anyuid", "RunAsAny", "MustRunAs", "RunAsAny", **ANY_ID),
        _scc("hostnetwork-v2", "MustRunAsRange", "MustRunAs", "MustRunAs", "MustRunAs", **V2, **NETWORK),
        _scc("hostnetwork", "MustRunAsRange", "MustRunAs", "MustRunAs", "MustRunAs", **NETWORK),
        _scc("hostaccess", "MustRunAsRange", "MustRunAs", "MustRunAs", **HOST),
        _scc("hostmount-anyuid", "RunAsAny", "MustRunAs", "RunAsAny", **MOUNT, users=[RECYCLER]),
        _scc("hostmount-anyuid-v2", "RunAsAny", "RunAsAny", "RunAsAny", **MOUNT),
        {
            **_scc("privileged", "RunAsAny", "RunAsAny", "RunAsAny", **HOST),
            "allowPrivilegedContainer": True,
            "allowedCapabilities": ["*"],
            "allowedUnsafeSysctls": ["*"],
            "requiredDropCapabilities": None,
            "seccompProfiles": ["*"],
            "volumes": ["*"],
            "users": ["system:admin", "system:serviceaccount:openshift-infra:build-controller"],
            "groups": ["system:cluster-admins", "system:nodes", "system:masters"],
        },
    )
}

SINCE: Final = {
    "restricted-v2": 11,
    "nonroot-v2": 11,
    "hostnetwork-v2": 11,
    "hostmount-anyuid-v2": 19,
    "restricted-v3": 20,
}
"""The minor version of OpenShift 4 that first had an SCC; 4.1 had the others."""

RESTRICTED: Final = tuple(
    name
    for name, scc in SCCS.items()
    if scc["runAsUser"] == {"type": "MustRunAsRange"} and not scc.get("allowHostNetwork")
)
"""SCCs that assign IDs from a range and give no host access. Under any other, a Pod's IDs were granted."""


def of_version(minor: int) -> dict[str, Scc]:
    """Return the SCCs that a minor version of OpenShift 4 has, with the fields of today."""
    return {name: scc for name, scc in SCCS.items() if SINCE.get(name, 1) <= minor}


def with_defaults(scc: Scc) -> Scc:
    """Return an SCC with the API's defaults, as it is stored."""
    scc = copy.deepcopy(scc)
    for field in ("fsGroup", "supplementalGroups"):
        scc[field] = {"type": "RunAsAny", **{k: v for k, v in (scc.get(field) or {}).items() if v is not None}}
    volumes, host = scc.get("volumes"), bool(scc.get("allowHostDirVolumePlugin"))
    allowed = {"*"} if volumes is None else set(volumes) or {"hostPath" if host else "none"}
    if host and "*" not in allowed:
        allowed.add("hostPath")
    if not host:  # the flag overrides the list
        allowed = (allowed | (set(ALL_VOLUMES) if "*" in allowed else set())) - {"*", "hostPath"}
    scc["volumes"] = sorted(allowed)
    if scc.get("allowPrivilegeEscalation") is None:
        scc["allowPrivilegeEscalation"] = True
    return scc
