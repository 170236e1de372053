"""The node of these tests, which enforces NetworkPolicies, with the project's own image."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import cluster
from tests.rig.client import wait
from tests.rig.node import images
from tests.rig.node.node import Node, running
from tests.support import as_installed
from tests.support.as_installed import SETS, stateful_set
from tests.support.installed import namespace, refusals

MEMORY = "/sys/fs/cgroup/memory/rig-node/memory.max_usage_in_bytes"
SAID = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the node took."""
    if said := config.stash.get(SAID, ""):
        terminalreporter.write_line(said)


@pytest.fixture(scope="package")
def node(ready_machine: None, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Node]:
    """Start a cluster with a node; in the end say what its pods took."""
    directory = tmp_path_factory.mktemp("node")
    with cluster.running(directory) as control_plane, running(control_plane, policies=True) as attached:
        attached.load(images.base(), images.project(), images.notebook())
        namespace(control_plane, "kubeflow")
        yield attached
        memory = int(attached.run("cat", MEMORY)) >> 20
        disk = attached.run("du", "-sm", str(attached.directory)).split()[0]
        pytestconfig.stash[SAID] = f"The node's pods took {memory} MiB of memory at most, the node {disk} MB of disk."


@pytest.fixture(scope="package")
def overlays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of overlays, with the local image in them."""
    return as_installed.copied(tmp_path_factory.mktemp("deploy"))


@pytest.fixture(scope="package")
def installed(node: Node, overlays: Path) -> Node:
    """Install the overlay self-managed, once a StatefulSet was refused without it."""
    node.cluster.make(SETS, stateful_set("before"))
    wait(lambda: refusals(node.cluster, "kubeflow"), "refusal")
    as_installed.install(node.cluster, overlays / "self-managed")
    return node
