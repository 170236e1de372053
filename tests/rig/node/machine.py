"""What a machine needs for a node, in one sentence where it lacks something."""

import ipaddress
import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import Final

from tests.rig.build import Unavailable, timed

MACHINE: Final = "100.64.0.1"
NODE: Final = "100.64.0.2"
"""The two ends of the link between machine and node."""
SERVICES: Final = "10.0.0.0/16"
PODS: Final = "10.128.0.0/23"
LINK: Final = "rig-node"
PACKAGES: Final = {
    "containernetworking-plugins": "/usr/lib/cni/ptp",
    "iproute2": "ip",
    "nftables": "nft",
    "iptables": "iptables",
    "ipset": "ipset",
    "gcc": "gcc",
    "libseccomp-dev": "/usr/include/seccomp.h",
    "mmdebstrap": "mmdebstrap",
    "buildah": "buildah",
}
"""Debian's packages, each with a file or a command by which it is known."""
INSTALL: Final = ("apt-get", "install", "--yes", "--no-install-recommends")


def check(*, install: bool) -> None:
    """Raise Unavailable unless this machine can have a node; install Debian's packages first where told so."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise Unavailable("a node needs namespaces of its own, so be root on Linux.")
    if subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "true"], check=False, capture_output=True
    ).returncode:
        raise Unavailable("a node needs namespaces of its own, which root may not make here.")
    if ":memory:" not in pathlib.Path("/proc/self/cgroup").read_text():
        raise Unavailable("the node's control groups are of version 1, and this machine has version 2.")
    if taken := [network for network in (SERVICES, PODS, f"{MACHINE}/30") if is_used(network)]:
        raise Unavailable(f"this machine has other routes into {taken[0]}, which the node's cluster uses.")
    if (absent := missing()) and install and shutil.which("apt-get"):
        with timed(f"installing {', '.join(absent)}"):
            for command in (["apt-get", "update"], [*INSTALL, *absent]):
                subprocess.run(command, check=False, capture_output=True)
        absent = missing()
    if absent:
        raise Unavailable(f"a node needs more of Debian's packages: {' '.join(INSTALL)} {' '.join(absent)}")


def missing() -> list[str]:
    return [package for package, file in PACKAGES.items() if not shutil.which(file) and not pathlib.Path(file).exists()]


def is_used(network: str) -> bool:
    """Check whether a route leads into a network already, but for the node's own link and the default route."""
    listed = subprocess.run(["ip", "-json", "route"], check=True, capture_output=True).stdout
    others = [route["dst"] for route in json.loads(listed) if route["dst"] != "default" and route.get("dev") != LINK]
    return any(ipaddress.ip_network(network, strict=False).overlaps(ipaddress.ip_network(other)) for other in others)
