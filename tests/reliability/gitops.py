"""Kubeflow 26.03 under Argo CD, Flux and Helm with their own code: is there drift, conflict or restart? Ten minutes."""

import contextlib
import json
import os
import random
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.rig.build import build
from tests.rig.cluster import Cluster, running
from tests.rig.gitops import ARGO_CD, FLUX
from tests.rig.renderers import RENDERERS
from tests.support import upstream
from tests.support.installed import install
from tests.support.server import serving

RELEASE: Final = "kubeflow-26.03"
MANAGER: Final = "--field-manager=argocd-controller"
TRACKED: Final = "argocd.argoproj.io/tracking-id"
"""Argo CD gives every object this annotation; without one it finds no owner of an object without fields."""
CHART: Final = {"apiVersion": "v2", "name": "kubeflow", "version": "1.0.0"}
Object = dict[str, Any]


def measure() -> dict[str, Any]:
    """Return what each tool found."""
    objects = upstream.read(upstream.FOLDER / RELEASE)
    figures = {"objects": len(objects)} | argo_cd(objects) | flux(objects)
    for helm in ("helm3", "helm4"):
        figures |= helm_release(helm, objects)
    return figures


@contextlib.contextmanager
def installed() -> Iterator[Cluster]:
    """Start the rig with the webhook."""
    host = "127." + ".".join(str(random.SystemRandom().randint(1, 254)) for _ in range(3))
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(host=host, port=8443) as server,
        running(Path(folder) / "rig") as cluster,
    ):
        install(cluster, server)
        yield cluster


def ask(cluster: Cluster, program: Path, objects: list[Object], *arguments: str) -> Any:
    """Run a program around a tool's library with objects on its standard input; return what it printed."""
    environment = os.environ | {"KUBECONFIG": str(cluster.kubeconfig)}
    command = [str(program), *arguments]
    done = subprocess.run(
        command, input=json.dumps(objects), env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{program.name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def argo_cd(objects: list[Object]) -> dict[str, Any]:
    """Return how many objects Argo CD takes for different, by kind, by default and with ServerSideDiff."""
    program = build(ARGO_CD) / "argocd"
    with installed() as cluster:
        wanted = [tracked(obj) for obj in [*upstream.missing_namespaces(cluster, objects), *objects]]
        upstream.apply(cluster, wanted, *upstream.SERVER_SIDE, MANAGER)
        seen: Mapping[str, dict[str, int]] = ask(cluster, program, wanted)
    return {
        "OutOfSync by default, by kind": seen["by default"],
        "OutOfSync by default": sum(seen["by default"].values()),
        "OutOfSync with ServerSideDiff": sum(seen["with ServerSideDiff"].values()),
    }


def tracked(obj: Object) -> Object:
    metadata = obj["metadata"]
    annotations = {**(metadata.get("annotations") or {}), TRACKED: f"kubeflow:{obj['kind']}:{metadata['name']}"}
    return {**obj, "metadata": {**metadata, "annotations": annotations}}


def flux(objects: list[Object]) -> dict[str, Any]:
    """Return what Flux says of objects that it applied: what a comparison and what applying them again would change.

    The rules of aggregated roles are a controller's, so these always differ; Argo CD has an option for that.
    """
    program = build(FLUX) / "flux"
    objects = [obj for obj in objects if "aggregationRule" not in obj]
    with installed() as cluster:
        wanted = [*upstream.missing_namespaces(cluster, objects), *objects]
        first = [obj for obj in wanted if obj["kind"] in upstream.EARLIER]
        upstream.apply(cluster, first, *upstream.SERVER_SIDE)
        ask(cluster, program, wanted, "apply")
        before = upstream.generations(cluster)
        compared, again = (ask(cluster, program, wanted, what) for what in ("compare", "apply"))
        moved = upstream.generations(cluster) != before
    unchanged = {"unchanged", "skipped"}
    return {
        "Flux: drift": sum(number for action, number in compared.items() if action not in unchanged),
        "Flux: changed by the second apply": sum(number for what, number in again.items() if what not in unchanged),
        "Flux: generations that rose": int(moved),
    }


def helm_release(program: str, objects: list[Object]) -> dict[str, Any]:
    """Return how many workloads restart while a chart of 26.03's workloads is upgraded and rolled back."""
    workloads = [obj for obj in objects if obj["kind"] in ("Deployment", "StatefulSet")]
    with tempfile.TemporaryDirectory() as folder, installed() as cluster:
        for space in upstream.missing_namespaces(cluster, workloads):
            cluster.make("/api/v1/namespaces", space)
        chart = Path(folder)
        chart.joinpath("templates").mkdir()
        chart.joinpath("Chart.yaml").write_text(json.dumps(CHART))
        chart.joinpath("values.yaml").write_text("note: first\n")
        text = "\n---\n".join(json.dumps(noted(obj)) for obj in workloads)
        chart.joinpath("templates/all.yaml").write_text(text)
        steps = (["install", "kubeflow", folder], ["upgrade", "kubeflow", folder])
        changed = ["upgrade", "kubeflow", folder, "--set", "note=second"]
        generations = []
        for step in (*steps, changed, ["rollback", "kubeflow", "1"]):
            environment = os.environ | {"KUBECONFIG": str(cluster.kubeconfig), "HOME": folder}
            command = [str(build(RENDERERS) / program), *step, "-n", "kubeflow"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                raise RuntimeError(f"{program} {step[0]}: {done.stderr[-2000:]}")
            generations.append(upstream.generations(cluster))
    moved = {key for later in generations[1:] for key, number in later.items() if number != generations[0][key]}
    return {f"{program}: workloads": len(generations[0]), f"{program}: restarted": len(moved)}


def noted(obj: Object) -> Object:
    """Return an object with a label that follows a value of the chart; it raises no generation."""
    labels = {**(obj["metadata"].get("labels") or {}), "note": "{{ .Values.note }}"}
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}
