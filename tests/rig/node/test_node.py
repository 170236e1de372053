"""A node leaves nothing on the machine, whatever ran on it."""

import contextlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.rig import cluster
from tests.rig.build import Unavailable
from tests.rig.client import Cluster, wait
from tests.rig.node import images, machine
from tests.rig.node.node import Node, running

# Settings that change by themselves, are of one interface, or are counters.
MOVES = (
    "/random/",
    "/net/ipv4/conf/",
    "/net/ipv6/",
    "/net/ipv4/neigh/",
    "/fs/",
    "nr_",
    "ns_last_pid",
    "_count",
    "/sched_",
)
PRIVILEGED = {
    "metadata": {"name": "privileged"},
    "spec": {
        "hostPID": True,
        "hostNetwork": True,
        "containers": [
            {
                "name": "main",
                "image": images.PYTHON,
                "command": ["sh", "-c", "mount -t tmpfs left /mnt; mkdir /left; sleep infinity & sleep infinity"],
                "securityContext": {"privileged": True, "runAsUser": 0},
                "resources": {"limits": {"memory": "64Mi"}},
            }
        ],
    },
}


def test_a_node_leaves_nothing(ready_machine: None, tmp_path: Path) -> None:
    own = {str(Path("/proc/self/ns/pid").readlink())}
    with contextlib.suppress(AssertionError):  # what another test's node left ends first, or is somebody else's
        wait(lambda: pid_namespaces() == own, "end of another node's processes", 20)
    before = state()
    with cluster.running(tmp_path) as control_plane, running(control_plane, policies=True) as node:
        during = state()
        node.load(images.base())
        run_privileged(control_plane, node)
    with contextlib.suppress(AssertionError):  # the kernel ends the last process of a namespace a moment later
        wait(lambda: state() == before, "machine as before", 10)
    after = state()
    unseen = [what for what in ("links", "routes", "groups", "namespaces") if before[what] == during[what]]
    assert not unseen, "it sees a node"
    for what, found in after.items():
        assert found == before[what], what
    assert not [process for process in processes() if str(tmp_path) in process]


def run_privileged(control_plane: Cluster, node: Node) -> None:
    """Run a pod that may do anything on the node."""
    account = "/api/v1/namespaces/default/serviceaccounts/default"
    wait(lambda: control_plane.request("GET", account).status == 200, "service account")
    pod = control_plane.make("/api/v1/namespaces/default/pods", PRIVILEGED)
    path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}"
    wait(lambda: control_plane.request("GET", path).body["status"]["phase"] == "Running", "running pod", 60)
    assert "sleep infinity" in node.run("ps", "ax")


def state() -> dict[str, object]:
    """Return all that a node could leave: what the kernel has, and its settings."""
    return {
        "mounts": sorted(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
        "links": printed("ip", "-brief", "link"),
        "routes": printed("ip", "route", "show", "table", "all"),
        "groups": sorted(path for path, _, _ in os.walk("/sys/fs/cgroup") if machine.LINK in path),
        "rules": [printed("nft", "list", "ruleset"), printed("iptables-save"), printed("ipset", "list", "-name")],
        "namespaces": pid_namespaces(),
        "settings": settings(),
    }


def printed(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in done.splitlines() if not line.startswith("#"))  # iptables-save writes the time


def pid_namespaces() -> set[str]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/ns/pid"):
        with contextlib.suppress(OSError):  # of a process that ended meanwhile
            found.add(str(path.readlink()))
    return found


def settings() -> dict[str, str]:
    found = {}
    for folder, _, names in os.walk("/proc/sys"):
        for path in (f"{folder}/{name}" for name in names):
            if not any(word in path for word in MOVES):
                with contextlib.suppress(OSError, UnicodeDecodeError):
                    found[path] = Path(path).read_text()
    return found


def processes() -> list[str]:
    return printed("ps", "-e", "-o", "args").splitlines()


def test_a_machine_that_lacks_something_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Unavailable, match=r"^a node needs namespaces of its own, so be root on Linux\.$"):
        machine.check(install=False)


def test_a_network_that_is_used_is_told() -> None:
    listed = json.loads(printed("ip", "-json", "route"))
    used = next(route["dst"] for route in listed if route["dst"] != "default")
    assert machine.is_used(used)
    assert not machine.is_used("203.0.113.0/24")
