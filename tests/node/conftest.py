"""The node of these tests, which enforces NetworkPolicies, with the project's own image."""

from collections.abc import Iterator

import pytest

from tests.rig import cluster
from tests.rig.node import images
from tests.rig.node.node import Node, running


@pytest.fixture(scope="package")
def node(ready_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Start a cluster with a node."""
    directory = tmp_path_factory.mktemp("node")
    with cluster.running(directory) as control_plane, running(control_plane) as attached:
        attached.load(images.base(), images.project())
        yield attached
