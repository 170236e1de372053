"""Random pods that reach every strategy of an SCC, and its edges: absent, null, empty, zero, duplicates."""

import random
from typing import Any

Object = dict[str, Any]
ABSENT = object()

CAPABILITIES = (
    "ALL",
    "KILL",
    "MKNOD",
    "SETUID",
    "SETGID",
    "NET_BIND_SERVICE",
    "NET_ADMIN",
    "SYS_ADMIN",
    "CAP_SYS_ADMIN",
    "CHOWN",
)
SYSCTLS = (
    *("net.ipv4.ip_unprivileged_port_start", "kernel.shm_rmid_forced", "net.core.somaxconn", "kernel.msgmax"),
    *("net.ipv4.tcp_rmem", "net.ipv4.ip_local_reserved_ports", "fs.mqueue.queues_max"),
)
VOLUMES: tuple[Object, ...] = (
    {"emptyDir": {}},
    {"configMap": {"name": "c"}},
    {"secret": {"secretName": "s"}},
    {"hostPath": {"path": "/"}},
    {"persistentVolumeClaim": {"claimName": "c"}},
    {"nfs": {"server": "s", "path": "/"}},
    {"csi": {"driver": "d"}},
    {"downwardAPI": {"items": []}},
    {"ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
    {"image": {"reference": "i"}},
    {"iscsi": {"targetPortal": "t", "iqn": "i", "lun": 0}},
    {"vsphereVolume": {"volumePath": "v"}},
    {"cephfs": {"monitors": ["m"]}},
    {"flexVolume": {"driver": "d/e"}},
    {"rbd": {"monitors": ["m"], "image": "i"}},
    {"awsElasticBlockStore": {"volumeID": "v"}},
    {"projected": {"sources": [{"secret": {"name": "s"}}]}},
    {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
    {"projected": {"sources": [{"serviceAccountToken": {"path": "other"}}]}},
    {
        "projected": {
            "sources": [{"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}]
        }
    },
    {"projected": {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}]}},
    {"projected": {"sources": []}},
    {},
)
PROFILES = (
    {"type": "RuntimeDefault"},
    {"type": "Unconfined"},
    {"type": "Localhost", "localhostProfile": "p.json"},
)


def pod(dice: random.Random, first: int, level: str) -> Object:
    """Return one pod; `first` is the namespace's first id, `level` its SELinux level."""
    users = (0, 1, 1000, 999, 8888, first, first, first + 1, first + 9_999, first + 10_000, first - 1)
    annotations = {}
    if dice.random() < 0.03:
        annotations["seccomp.security.alpha.kubernetes.io/pod"] = dice.choice(
            ("runtime/default", "docker/default", "unconfined", "localhost/x", "localhost/", "odd", "")
        )
    if dice.random() < 0.03:
        annotations["container.seccomp.security.alpha.kubernetes.io/main"] = dice.choice(
            ("runtime/default", "docker/default", "unconfined", "localhost/x", "odd")
        )
    if dice.random() < 0.05:
        annotations["openshift.io/required-scc"] = dice.choice(("restricted-v2", "anyuid", "privileged", "none-such"))
    spec: Object = {
        "containers": [container(dice, "main", users, level)],
        **some(dice, "securityContext", 0.7, lambda: pod_context(dice, users, level)),
        **some(dice, "hostNetwork", 0.06, lambda: dice.choice((True, True, False, None))),
        **some(dice, "hostPID", 0.04, lambda: dice.choice((True, False))),
        **some(dice, "hostIPC", 0.04, lambda: dice.choice((True, False))),
        **some(dice, "hostUsers", 0.4, lambda: dice.choice((True, False, False, None))),
        **some(dice, "volumes", 0.3, lambda: volumes(dice)),
    }
    for group, name, chance in (("containers", "side", 0.3), ("initContainers", "init", 0.3)):
        if dice.random() < chance:
            spec.setdefault(group, []).append(container(dice, name, users, level))
    if dice.random() < 0.1:
        spec["ephemeralContainers"] = [container(dice, "debug", users, level)]
        spec["ephemeralContainers"][0].pop("ports", None)
    return {"metadata": {"name": "p", "annotations": annotations} if annotations else {"name": "p"}, "spec": spec}


def pod_context(dice: random.Random, users: tuple[int, ...], level: str) -> Any:
    """Return a pod's security context: null or empty now and then."""
    if dice.random() < 0.1:
        return dice.choice((None, {}))
    return {
        **some(dice, "runAsUser", 0.3, lambda: maybe_null(dice, dice.choice(users))),
        **some(dice, "runAsNonRoot", 0.3, lambda: dice.choice((True, False, None))),
        **some(dice, "runAsGroup", 0.1, lambda: dice.choice(users)),
        **some(dice, "fsGroup", 0.25, lambda: maybe_null(dice, dice.choice(users))),
        **some(dice, "supplementalGroups", 0.2, lambda: dice.choice(
            (None, [], [dice.choice(users)], [dice.choice(users), dice.choice(users)], [users[5], users[5]]))),
        **some(dice, "seLinuxOptions", 0.1, lambda: se_linux(dice, level)),
        **some(dice, "seccompProfile", 0.2, lambda: dice.choice((None, *PROFILES))),
        **some(dice, "sysctls", 0.1, lambda: [
            {"name": dice.choice(SYSCTLS), "value": "1"} for _ in range(dice.randrange(3))]),
    }  # fmt: skip


def container(dice: random.Random, name: str, users: tuple[int, ...], level: str) -> Object:
    """Return a container with some of a security context and of ports."""
    return {
        "name": name,
        "image": "i",
        **some(dice, "ports", 0.1, lambda: [
            {"containerPort": 80, **some(dice, "hostPort", 0.6, lambda: dice.choice((0, 80, 8080)))}
            for _ in range(dice.randrange(3))]),
        **some(dice, "securityContext", 0.6, lambda: container_context(dice, users, level)),
    }  # fmt: skip


def container_context(dice: random.Random, users: tuple[int, ...], level: str) -> Any:
    if dice.random() < 0.1:
        return dice.choice((None, {}))
    return {
        **some(dice, "runAsUser", 0.3, lambda: maybe_null(dice, dice.choice(users))),
        **some(dice, "runAsNonRoot", 0.3, lambda: dice.choice((True, False, None))),
        **some(dice, "runAsGroup", 0.1, lambda: dice.choice(users)),
        **some(dice, "privileged", 0.08, lambda: dice.choice((True, False, None))),
        **some(dice, "allowPrivilegeEscalation", 0.3, lambda: dice.choice((True, False, False, None))),
        **some(dice, "readOnlyRootFilesystem", 0.15, lambda: dice.choice((True, False, None))),
        **some(dice, "seLinuxOptions", 0.06, lambda: se_linux(dice, level)),
        **some(dice, "seccompProfile", 0.1, lambda: dice.choice((None, *PROFILES))),
        **some(dice, "capabilities", 0.35, lambda: dice.choice((None, {}, capabilities(dice), capabilities(dice)))),
    }


def capabilities(dice: random.Random) -> Object:
    def names(most: int) -> Any:
        return dice.choice((None, [], [dice.choice(CAPABILITIES) for _ in range(dice.randrange(most + 1))]))

    add = ["NET_BIND_SERVICE"] if dice.random() < 0.3 else names(2)
    drop = dice.choice((["ALL"], ["KILL", "MKNOD", "SETUID", "SETGID"], names(4)))
    return {**some(dice, "add", 0.5, lambda: add), **some(dice, "drop", 0.8, lambda: drop)}


def se_linux(dice: random.Random, level: str) -> Any:
    head, _, categories = level.partition(":")
    turned = f"{head}:{','.join(reversed(categories.split(',')))}"
    options = {
        "level": dice.choice((level, turned, "s0:c1,c2", "s0", "")),
        "type": dice.choice(("", "t_t")),
        "role": "",
        "user": "",
    }
    return dice.choice((None, {}, {key: value for key, value in options.items() if dice.random() < 0.6}))


def volumes(dice: random.Random) -> Any:
    chosen = [dict(dice.choice(VOLUMES)) for _ in range(dice.randrange(4))]
    return dice.choice((None, [], *([{"name": f"v{i}", **each} for i, each in enumerate(chosen)],) * 8))


def some(dice: random.Random, key: str, chance: float, value: Any) -> Object:
    return {key: value()} if dice.random() < chance else {}


def maybe_null(dice: random.Random, value: Any) -> Any:
    return None if dice.random() < 0.1 else value
