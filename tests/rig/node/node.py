"""Attach a node to a cluster on loopback, and take it away with all that runs on it."""

import contextlib
import dataclasses
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from typing import Final

from tests.rig import processes
from tests.rig.build import build
from tests.rig.client import Cluster
from tests.rig.components import reach
from tests.rig.node import binaries, images, settings
from tests.rig.node.machine import LINK, MACHINE, NODE, PODS, SERVICES, check
from tests.rig.node.settings import NAME

HERE: Final = pathlib.Path(__file__).resolve().parent
GROUPS: Final = pathlib.Path("/sys/fs/cgroup")
GROUP: Final = "rig-node"
STATE: Final = ("containerd", "kubelet")
SLICES: Final = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
LOCK: Final = pathlib.Path("/run/lock/kubeflow-openshift-node")
OWN_NAMESPACES: Final = (
    "--mount",
    "--net",
    "--pid",
    "--ipc",
    "--uts",
    "--cgroup",
    "--fork",
    "--kill-child",
    "--mount-proc",
)
API_SERVER: Final = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "kubernetes", "labels": {"kubernetes.io/service-name": "kubernetes"}},
    "addressType": "IPv4",
    "endpoints": [{"addresses": [MACHINE], "conditions": {"ready": True}}],
    "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
}


@dataclasses.dataclass(frozen=True)
class Node:
    """A node that runs, and the cluster that it belongs to."""

    cluster: Cluster

    @property
    def directory(self) -> pathlib.Path:
        """Where the node has its state, and one log for each of its programs."""
        return self.cluster.directory / "node"

    def run(self, *command: str, file: pathlib.Path | None = None, check: bool = True) -> str:
        """Run a command on the node, with a file as its input, and return what it printed."""
        enter = ["nsenter", "--all", f"--target={first_process(self.directory)}"]
        with (file or pathlib.Path(os.devnull)).open("rb") as given:
            done = subprocess.run(
                [*enter, *command],
                env=os.environ | environment(self.directory),
                stdin=given,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
        assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def load(self, *archives: pathlib.Path) -> None:
        """Give the node the images in these archives, by their names; a pod names one by any tag but `latest`."""
        for each in archives:
            self.run("ctr", "-n", "k8s.io", "images", "import", "-", file=each)


def prepare(*, install: bool) -> None:
    """Make all that a node of the tests is made of, which takes minutes the first time: packages, programs, images."""
    check(install=install)
    for module in (*binaries.NODE, binaries.FIREWALL):
        build(module)
    images.project()
    images.notebook()


@contextlib.contextmanager
def running(cluster: Cluster, *, dns: bool = False, policies: bool = False) -> Iterator[Node]:
    """Attach a node as `up` does, one at a time on a machine, and take it away at the end."""
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("rig: waiting for another node to go", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        node = up(cluster, dns=dns, policies=policies)
        try:
            yield node
        finally:
            down(cluster.directory)


def up(cluster: Cluster, *, dns: bool = False, policies: bool = False) -> Node:
    """Attach a node to a cluster and wait until it is Ready.

    With `dns`, pods resolve the cluster's names. With `policies`, NetworkPolicies are enforced.
    """
    check(install=False)
    alias = pathlib.Path(f"/sys/class/net/{LINK}/ifalias")
    if alias.exists():
        raise RuntimeError(
            f"this machine has a node already: python -m tests.rig node-down {alias.read_text().strip()}"
        )
    node = cluster.directory / "node"
    shutil.rmtree(node, ignore_errors=True)
    for name in STATE:
        node.joinpath(name).mkdir(parents=True)
    binaries.link(node / "bin", dns=dns, policies=policies)
    settings.write(cluster, dns=dns)
    write_pause(node)
    try:
        start(cluster, node)
        if policies:
            enter = ["--all", f"--target={first_process(node)}", *settings.firewall(cluster.directory)]
            processes.start(node, pathlib.Path(shutil.which("nsenter") or "nsenter"), enter, environment(node))
    except BaseException:
        down(cluster.directory)
        raise
    return Node(cluster)


def write_pause(node: pathlib.Path) -> None:
    """Write the image of what holds a pod's namespaces."""
    with tarfile.open(node / "pause.layer", "w") as tar:
        tar.add(node.joinpath("bin/pause").resolve(), "pause")
    images.archive(
        node / "pause.layer", "localhost/pause:rig", node / "pause.tar", {"Entrypoint": ["/pause"], "User": "65535"}
    )


def start(cluster: Cluster, node: pathlib.Path) -> None:
    """Start the node's first process, join it to this machine by a link, and start what a node needs here."""
    inside = [str(HERE / "inside"), str(node), NODE, MACHINE]
    processes.start(
        node, pathlib.Path(shutil.which("unshare") or "unshare"), [*OWN_NAMESPACES, *inside], environment(node)
    )
    reach(node, "unshare", "first process", lambda: bool(first_process(node)))
    ip("link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", str(first_process(node)))
    ip("link", "set", LINK, "alias", str(cluster.directory))
    ip("address", "add", f"{MACHINE}/30", "dev", LINK)
    ip("link", "set", LINK, "up")
    for network in (SERVICES, PODS):
        ip("route", "add", network, "via", NODE)
    processes.start(node, HERE / "relay.py", [MACHINE, "6443", cluster.server.rpartition(":")[2]], environment(node))
    scheduler = f"--kubeconfig={cluster.directory}/kube-scheduler.kubeconfig"
    options = [scheduler, "--leader-elect=false", "--secure-port=0", "--bind-address=127.0.0.1"]
    processes.start(node, node / "bin/kube-scheduler", options, environment(node))
    assert cluster.request("POST", SLICES, API_SERVER).status in (201, 409)
    reach(node, "unshare", "ready node", lambda: is_ready(cluster))


def environment(node: pathlib.Path) -> dict[str, str]:
    """Return the environment in which the node's own programs are found first."""
    return {"PATH": f"{node}/bin:{os.environ['PATH']}"}


def is_ready(cluster: Cluster) -> bool:
    answer = cluster.request("GET", f"/api/v1/nodes/{NAME}")
    conditions = answer.body["status"].get("conditions", []) if answer.status == 200 else []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def first_process(node: pathlib.Path) -> int:
    """Return the pid, on this machine, of the node's first process; 0 if there is none."""
    parent = processes.recorded(node).get("unshare")
    children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split() if parent else []
    return int(children[0]) if children else 0


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def down(directory: pathlib.Path | str) -> None:
    """Take the node away with all that runs on it; its logs stay. Do nothing if there is none."""
    node = pathlib.Path(directory).absolute() / "node"
    processes.down(node)  # the kernel ends what runs in the node's namespaces, and takes mounts and rules away
    alias = pathlib.Path(f"/sys/class/net/{LINK}/ifalias")
    if alias.exists() and alias.read_text().strip() == str(node.parent):
        try:
            ip("link", "delete", LINK)
        except RuntimeError:  # the kernel takes it away with the node's namespaces, perhaps just now
            if alias.exists():
                raise
    if node.exists():
        until_none_left(remaining_groups)
        until_none_left(lambda: remaining_state(node))


def until_none_left(remaining: Callable[[], list[pathlib.Path]]) -> None:
    """Remove until nothing is left; what still ends on the node may hold it for a moment."""
    deadline = time.monotonic() + 20
    while left := remaining():
        if time.monotonic() > deadline:
            raise RuntimeError(f"the node is gone, but not {left[0]}")
        time.sleep(0.1)


def remaining_groups() -> list[pathlib.Path]:
    """Remove control groups; return those that something is still in."""
    left = []
    for group in sorted(GROUPS.glob(f"**/{GROUP}/**/"), reverse=True):
        try:
            group.rmdir()
        except OSError:
            left.append(group)
    return left


def remaining_state(node: pathlib.Path) -> list[pathlib.Path]:
    """Remove images and volumes, which takes a while; return what was written meanwhile."""
    for name in STATE:
        shutil.rmtree(node / name, ignore_errors=True)
    return [node / name for name in STATE if node.joinpath(name).exists()]
