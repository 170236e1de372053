"""The commands of the pages, run as they are written, from top to bottom of each page, on a cluster with a node.

It comes last of the tests on this node, because it installs and removes the webhook.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.rig.node.images import PYTHON
from tests.rig.node.node import Node
from tests.support import service_ca
from tests.support.as_installed import COMPONENT as IMAGE_OF_ALL
from tests.support.as_installed import install
from tests.support.blocks import PAGES, run_on_a_node
from tests.support.installed import CONFIGURATIONS, namespace
from tests.support.pods import disk, first_uid
from tests.support.reader_of_pages import TEAM, Shell, alike, prepare_cluster
from webhook.registration.configuration import NAME
from webhook.settings.scopes import NAMESPACE

IMAGE: Final = "localhost/kubeflow-openshift"
NAMESPACES: Final = (NAMESPACE, "kubeflow", "istio-system", TEAM)
BEFORE: Final[Mapping[str, Mapping[str, str]]] = {
    "docs/install.md": {},
    "docs/istio.md": {},
    "docs/kubeflow-0.7.md": {"NAME": "metadata", "FOLDER": "folder"},
    "docs/kubeflow-today.md": {"NAME": "web"},
    "docs/operations.md": {"NAME": "all-ignore", "PROFILE": TEAM, "NOTEBOOK": "nb"},
}
"""What the placeholders of a page mean that begins without the webhook."""
AFTER: Final[Mapping[str, Mapping[str, str]]] = {
    "README.md": {},
    "docs/command-line.md": {},
    "docs/commands.md": {},
    "docs/files-on-volumes.md": {"NS": TEAM, "CLAIM": "claim", "registry.access.redhat.com/ubi9/ubi-minimal": PYTHON},
    "docs/troubleshooting.md": {"NS": TEAM, "NAME": "web"},
}
"""What the placeholders of a page mean whose reader has the webhook, and a Deployment that OpenShift refused before."""


@pytest.fixture
def shell(node: Node, renderers: Path, tmp_path: Path) -> Iterator[Shell]:
    """Return a reader's shell on a cluster without the webhook, whose node has its image by digest."""
    digest = node.run("ctr", "-n", "k8s.io", "images", "ls", f"name=={IMAGE}:rig").splitlines()[1].split()[2]
    node.run("ctr", "-n", "k8s.io", "images", "tag", "--force", f"{IMAGE}:rig", f"{IMAGE}@{digest}")
    shell = Shell(node.cluster, tmp_path / "reader", renderers)
    (shell.folder / "digest").write_text(digest)
    named = IMAGE_OF_ALL.replace("newTag: rig", f"digest: {digest}")
    (shell.folder / "deploy/components/image/kustomization.yaml").write_text(named)
    remove(node)
    with service_ca.played(node.cluster):
        yield shell
    remove(node)


def remove(node: Node) -> None:
    """Remove the webhook, and what pages make."""
    node.cluster.request("DELETE", f"{CONFIGURATIONS}/{NAME}")
    delete = ("delete", "namespace", "--ignore-not-found", *NAMESPACES)
    node.cluster.kubectl(*delete, "--wait=false")
    for name in NAMESPACES:  # at once: nothing of it counts any more
        node.cluster.kubectl("delete", "pods", "--all", "-n", name, "--grace-period=0", "--force")
    node.cluster.kubectl(*delete, "--timeout=100s")


def test_every_page_with_commands_for_a_node_is_here() -> None:
    assert [page for page in PAGES if run_on_a_node(page)] == sorted([*BEFORE, *AFTER])


@pytest.mark.parametrize("page", BEFORE)
def test_a_page_that_begins_without_the_webhook(page: str, node: Node, shell: Shell) -> None:
    prepare_cluster(node.cluster, refused=False)
    follow(page, shell, BEFORE[page])


def test_pages_whose_reader_has_the_webhook(node: Node, shell: Shell, overlays: Path) -> None:
    cluster = node.cluster
    prepare_cluster(cluster, refused=True)
    namespace(cluster, "kubeflow")
    install(cluster, overlays / "openshift")
    folder = disk(node, TEAM, "claim", owner=1000)
    node.run("install", "--mode=0640", "--owner=1000", "--group=100", "/dev/null", f"{folder}/written")
    group = first_uid(cluster, TEAM)
    for page, words in AFTER.items():
        follow(page, shell, {**words, "GROUP": group})
    assert node.run("stat", "--format=%u %g %a", f"{folder}/written").split() == ["1000", group, "660"]
    cluster.kubectl("delete", "pv", f"{TEAM}-claim", "--wait=false")


def follow(page: str, shell: Shell, words: Mapping[str, str]) -> None:
    """Run the page's commands."""
    words = {"IMAGE": IMAGE, "/tmp/digest": str(shell.folder / "digest"), "DIR": "example", **words}
    for block, says in run_on_a_node(page):
        printed, wrong = shell.run(block, words)
        assert not wrong, f"{block}: {wrong}"
        assert says is None or alike(says, printed), f"{block} prints:\n{printed}"
