"""Bring a control plane with OpenShift's admission up and down."""

import contextlib
import json
import pathlib
import random
import shutil
import socket
from collections.abc import Iterator, Sequence

from tests.rig import sccs
from tests.rig.build import SCC_DEFINITION, build
from tests.rig.certificates import write_certificates
from tests.rig.client import Client, Cluster, Response, wait
from tests.rig.components import (
    Mode,
    death,
    reach,
    reach_admission,
    start_apiserver,
    start_controllers,
    start_etcd,
)
from tests.rig.processes import down, recorded
from webhook.scc.defaults import of_version

__all__ = ["Cluster", "Mode", "Response", "down", "running", "up", "wait"]

ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
SCCS = "/apis/security.openshift.io/v1/securitycontextconstraints"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
EVERYONE_USES = {
    "scc": ["restricted-v2"],
    "like-4.2": ["restricted"],
    "like-4.20": ["restricted-v2", "restricted-v3"],
}
MINOR = {"scc": 20, "like-4.2": 2, "like-4.20": 20}
"""The minor version of OpenShift 4 whose SCCs there are. In mode `scc` only administrators may use those after 4.11."""


@contextlib.contextmanager
def running(
    directory: pathlib.Path | str, *, mode: Mode = "scc", apiserver_args: Sequence[str] = ()
) -> Iterator[Cluster]:
    """Start a cluster as `up` does, and stop it at the end whatever happens."""
    cluster = up(directory, mode=mode, apiserver_args=apiserver_args)
    try:
        yield cluster
    finally:
        down(cluster.directory)


def attach(directory: pathlib.Path | str) -> Cluster:
    """Return the cluster that `up` started in the directory, perhaps in another process."""
    directory = pathlib.Path(directory).absolute()
    if not any(recorded(directory).values()):
        raise RuntimeError(f"no cluster runs in {directory}: run up first")
    server = json.loads(directory.joinpath("kubeconfig").read_text())["clusters"][0]["cluster"]["server"]
    return Cluster(directory, server, build(), Client(int(server.rpartition(":")[2]), directory))


def up(directory: pathlib.Path | str, *, mode: Mode = "scc", apiserver_args: Sequence[str] = ()) -> Cluster:
    """Start an empty cluster that keeps its state in the directory, and wait until it admits pods."""
    binaries = build()
    directory = pathlib.Path(directory).absolute()
    directory.mkdir(parents=True, exist_ok=True)
    if any(recorded(directory).values()):
        raise RuntimeError(f"a cluster runs in {directory} already: run down first")
    for name in ("etcd", "cache"):
        shutil.rmtree(directory / name, ignore_errors=True)
    directory.joinpath("pids").write_text("")
    write_certificates(directory)
    port, etcd_port, peer_port = free_ports(3)
    for user, file in (("admin", "kubeconfig"), ("controllers", "controllers.kubeconfig")):
        directory.joinpath(file).write_text(kubeconfig(directory, f"https://127.0.0.1:{port}", user))
    cluster = Cluster(directory, f"https://127.0.0.1:{port}", binaries, Client(port, directory))
    try:
        start_etcd(cluster, etcd_port, peer_port)
        start_apiserver(cluster, port, etcd_port, mode, apiserver_args)
        start_controllers(cluster)  # while they come up, there is time for the SCCs
        if mode != "without-scc":
            create_sccs(cluster, mode)
        reach_admission(cluster)
    except BaseException as error:
        why = death(directory)
        down(directory)
        if why:
            raise RuntimeError(why) from error
        raise
    return cluster


def free_ports(count: int) -> list[int]:
    """Find ports below those that outgoing connections take, lest one be lost before it is used."""
    ports: list[int] = []
    for port in random.SystemRandom().sample(range(15000, 32000), 1000):
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            return ports
    raise RuntimeError("no free ports on 127.0.0.1")


def kubeconfig(directory: pathlib.Path, server: str, user: str) -> str:
    """Write a kubeconfig in JSON, which is YAML too."""
    cluster = {"server": server, "certificate-authority": str(directory / "ca.crt")}
    credentials = {"client-certificate": f"{directory}/{user}.crt", "client-key": f"{directory}/{user}.key"}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "rig", "cluster": cluster}],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": "rig", "context": {"cluster": "rig", "user": user}}],
            "current-context": "rig",
        }
    )


def create_sccs(cluster: Cluster, mode: Mode) -> None:
    """Create what OpenShift's API server operator creates in this mode, with the SCCs that everyone may use."""
    definition = cluster.bin.joinpath(SCC_DEFINITION).read_text()
    response = cluster.request("POST", CRDS, definition, content_type="application/yaml")
    if response.status != 201:
        raise RuntimeError(f"cannot create {SCC_DEFINITION}: {response.body.get('message')}")
    reach(cluster.directory, "kube-apiserver", "served SCCs", lambda: cluster.request("GET", SCCS).status == 200)
    names = of_version(MINOR[mode])
    objects = {SCCS: sccs.sccs(names), ROLES: sccs.roles(names), BINDINGS: sccs.bindings(EVERYONE_USES[mode])}
    for path, group in objects.items():
        for body in group:
            cluster.make(path, body)
