"""The Helm chart on a node, with the real Helm: install, upgrade without a change, upgrade, rollback, uninstall."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.rig.cluster import wait
from tests.rig.node.node import Node
from tests.support.as_installed import fs_group_of_a_dry_run
from tests.support.installed import namespace
from tests.support.overlays import DEPLOY
from tests.support.pods import running
from webhook.settings.scopes import NAMESPACE

IMAGE = f"localhost/{NAMESPACE}"
SERVER = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAMESPACE}"


@pytest.fixture
def image(node: Node) -> str:
    """Give the project's image a name by digest, which the chart asks for."""
    listed = node.run("ctr", "-n", "k8s.io", "images", "ls", f"name=={IMAGE}:rig")
    digest = re.findall(r"sha256:[0-9a-f]{64}", listed)[0]
    node.run("ctr", "-n", "k8s.io", "images", "tag", f"{IMAGE}:rig", f"{IMAGE}@{digest}")
    return f"{IMAGE}@{digest}"


@pytest.mark.parametrize("program", ["helm3", "helm4"])
def test_the_chart_from_install_to_uninstall(node: Node, renderers: Path, image: str, program: str) -> None:
    cluster = node.cluster
    chart = (NAMESPACE, str(DEPLOY / "chart"), "--set", f"image={image}", "--set", "certificates=keeper")

    def helm(*arguments: str) -> None:
        command = [str(renderers / program), *arguments, "-n", NAMESPACE]
        environment = os.environ | {"KUBECONFIG": str(cluster.kubeconfig), "HOME": str(cluster.directory)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=150, check=False)
        assert done.returncode == 0, done.stderr

    def generation() -> int:
        seen: int = cluster.request("GET", SERVER).body["metadata"]["generation"]
        return seen

    namespace(cluster, NAMESPACE)
    if program == "helm3":
        namespace(cluster, "kubeflow")
    helm("install", *chart, "--wait", "--timeout=100s")
    wait(lambda: fs_group_of_a_dry_run(cluster) is None, "review of a dry run")
    first = pods(node)

    before = generation()
    helm("upgrade", *chart)
    helm("upgrade", *chart, "--set", "replicas.maximum=3")
    helm("rollback", NAMESPACE, "1")
    assert (generation(), pods(node)) == (before, first)
    assert fs_group_of_a_dry_run(cluster) is None

    helm("uninstall", NAMESPACE, "--wait")
    assert fs_group_of_a_dry_run(cluster) == 100
    cluster.kubectl("delete", "namespace", NAMESPACE, "--timeout=100s")


def pods(node: Node) -> set[str]:
    """Wait for the webhook's two pods, and return their UIDs."""
    found: list[dict[str, Any]] = running(node.cluster, NAMESPACE, f"app.kubernetes.io/name={NAMESPACE}", count=2)
    return {pod["metadata"]["uid"] for pod in found}
