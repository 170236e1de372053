"""Start the three programs of a control plane, each until it does its work."""

import http.client
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from tests.rig.client import Cluster, wait
from tests.rig.processes import recorded, start

Mode = Literal["scc", "without-scc", "like-4.2", "like-4.20"]

POD = {"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "probe", "image": "probe"}]}}


def start_etcd(cluster: Cluster, port: int, peer_port: int) -> None:
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    launch(
        cluster,
        "etcd",
        "--unsafe-no-fsync",
        f"--data-dir={cluster.directory / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    )

    def listens() -> bool:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True

    reach(cluster.directory, "etcd", "open port", listens)


def start_apiserver(cluster: Cluster, port: int, etcd_port: int, mode: Mode, more: Sequence[str]) -> None:
    directory = cluster.directory
    plugins = "--enable-admission-plugins=OwnerReferencesPermissionEnforcement"
    if mode == "without-scc":
        plugins = "--disable-admission-plugins=security.openshift.io/SecurityContextConstraint"
    launch(
        cluster,
        "kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.0.0.0/16",
        f"--tls-cert-file={directory / 'apiserver.crt'}",
        f"--tls-private-key-file={directory / 'apiserver.key'}",
        f"--client-ca-file={directory / 'ca.crt'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={directory / 'sa.key'}",
        f"--service-account-signing-key-file={directory / 'sa.key'}",
        "--authorization-mode=Node,RBAC",
        f"--kubelet-client-certificate={directory / 'admin.crt'}",
        f"--kubelet-client-key={directory / 'admin.key'}",
        "--kubelet-preferred-address-types=InternalIP",  # no name server knows a node's name
        "--allow-privileged",
        plugins,
        *more,
        env={"SCC_ADMIT_ONCE": "yes"} if mode == "like-4.2" else {},
    )
    reach(directory, "kube-apiserver", "ready API server", lambda: cluster.request("GET", "/readyz").status == 200)


def start_controllers(cluster: Cluster) -> None:
    directory = cluster.directory
    launch(
        cluster,
        "kube-controller-manager",
        f"--kubeconfig={directory / 'controllers.kubeconfig'}",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={directory / 'sa.key'}",
        f"--root-ca-file={directory / 'ca.crt'}",
        "--bind-address=127.0.0.1",
        "--secure-port=0",
        "--leader-elect=false",
        "--kube-api-qps=500",  # at the default 20 it takes seconds until all controllers run
        "--kube-api-burst=1000",
        "--horizontal-pod-autoscaler-sync-period=1s",  # instead of 15
    )


def reach_admission(cluster: Cluster) -> None:
    """Wait until a pod would be created: it has a service account, and SCC a view of what it judges by."""
    path = "/api/v1/namespaces/default/pods?dryRun=All"
    reach(
        cluster.directory,
        "kube-controller-manager",
        "admission of pods",
        lambda: cluster.request("POST", path, POD).status == 201,
    )


def launch(cluster: Cluster, name: str, *arguments: str, env: dict[str, str] | None = None) -> None:
    start(cluster.directory, cluster.bin / name, arguments, env or {})


def reach(directory: Path, component: str, what: str, condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; a component that dies meanwhile, or this one when it is late, is to blame.

    The directory has their logs.
    """

    def reached() -> bool:
        if why := death(directory):
            raise RuntimeError(why)
        try:
            return condition()
        except (OSError, http.client.HTTPException):
            return False

    try:
        wait(reached, what, 60)
    except AssertionError as late:
        raise RuntimeError(f"{late}; {log_end(directory, component)}") from None


def death(directory: Path) -> str | None:
    """Tell which component died, if one did, and what it said last."""
    dead = [name for name, pid in recorded(directory).items() if pid is None]
    return f"{dead[0]} died; {log_end(directory, dead[0])}" if dead else None


def log_end(directory: Path, component: str) -> str:
    log = directory / f"{component}.log"
    return "\n".join([f"{log} ends:", *log.read_text(errors="replace").splitlines()[-20:]])
