"""Kyverno 1.19 beside us, on the rig: `KYVERNO=1 make bench` builds it (ten minutes) and measures it with the rest.

It runs out of the cluster, as its own tests do: leader election, informers and its certificate are real. Its one policy
removes fsGroup, which is one of our seven changes; reports are off. It answers the very review that the others get.
"""

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from bench import direct
from bench.load import Client
from bench.objects import measured_review
from bench.servers import Running, controller_runtime, ours
from tests.rig.cluster import CRDS, Cluster, running, wait

VERSION: Final = "v1.19.1"
MODULE: Final = f"github.com/kyverno/kyverno@{VERSION}"
SPACE: Final = "kyverno"
DEPLOYMENT: Final = "kyverno-admission-controller"
PORT: Final = 9443  # its own, which no flag changes
CONNECTIONS: Final = (1, 8)
ENVIRONMENT: Final = {
    "KYVERNO_NAMESPACE": SPACE,
    "KYVERNO_SERVICEACCOUNT_NAME": DEPLOYMENT,
    "KYVERNO_DEPLOYMENT": DEPLOYMENT,
    "KYVERNO_POD_NAME": "bench",
    "KYVERNO_ROLE_NAME": "kyverno:admission-controller",
    "KYVERNO_SVC": "kyverno-svc",
    "INIT_CONFIG": "kyverno",
    "CONFIG": "kyverno",
    "METRICS_CONFIG": "kyverno-metrics",
}
FLAGS: Final = (
    f"--serverIP=127.0.0.1:{PORT}",
    "--caSecretName=kyverno-ca",
    "--tlsSecretName=kyverno-tls",
    "--admissionReports=false",
    "--metricsPort=18000",
)
FS_GROUP: Final = "spec/template/spec/securityContext/fsGroup"
POLICY: Final = {
    "apiVersion": "kyverno.io/v1",
    "kind": "ClusterPolicy",
    "metadata": {"name": "fs-group", "annotations": {"pod-policies.kyverno.io/autogen-controllers": "none"}},
    "spec": {
        "rules": [
            {
                "name": "fs-group",
                "match": {"any": [{"resources": {"kinds": ["StatefulSet", "Deployment"]}}]},
                "preconditions": {
                    "all": [{"key": f"{{{{ request.object.{FS_GROUP.replace('/', '.')} || `0` }}}}",
                             "operator": "NotEquals", "value": 0}]
                },
                "mutate": {"patchesJson6902": json.dumps([{"op": "remove", "path": f"/{FS_GROUP}"}])},
            }
        ]
    },
}  # fmt: skip


def sources() -> Path:
    """Return Kyverno's folder in Go's module cache."""
    done = subprocess.run(["go", "mod", "download", "-json", MODULE], check=True, capture_output=True, cwd="/")
    return Path(json.loads(done.stdout)["Dir"])


def built(folder: Path) -> Path:
    """Build Kyverno, unless KYVERNO names the program."""
    if Path(named := os.environ.get("KYVERNO", "")).is_file():
        return Path(named)
    program = folder / "kyverno"
    print(f"bench: building Kyverno {VERSION} (ten minutes; KYVERNO=PROGRAM takes one that is built)", flush=True)
    flags = ["-mod=mod", "-modcacherw", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(program)]
    work = folder / "kyverno-sources"
    subprocess.run(["cp", "-r", "--no-preserve=mode", str(sources()), str(work)], check=True)
    subprocess.run(
        ["go", "build", *flags, "./cmd/kyverno"], check=True, cwd=work, env={**os.environ, "CGO_ENABLED": "0"}
    )
    return program


def measure(programs: dict[str, Path], folder: Path) -> dict[str, Any]:
    """Return what ours, Kyverno and the Go webhook did with the same review, in turn, and their memory."""
    body = folder / "review.json"
    body.write_bytes(measured_review())
    with ExitStack() as stack:
        cluster = stack.enter_context(running(folder / "kyverno-rig", mode="without-scc"))
        servers = [
            stack.enter_context(ours()),
            stack.enter_context(controller_runtime(programs["controller_runtime"])),
            stack.enter_context(kyverno(cluster, built(folder))),
        ]
        clients = {server.name: Client(programs["load"], server.url, server.ca, body) for server in servers}
        wait(lambda: _removes(clients["kyverno"]), "patch by Kyverno", 60)
        figures = direct.summary(direct.rounds(clients, CONNECTIONS), CONNECTIONS, "kyverno")
        return figures | {"memory": {server.name: server.memory() for server in servers}, "version": VERSION}


@contextmanager
def kyverno(cluster: Cluster, program: Path) -> Iterator[Running]:
    """Run Kyverno on a cluster, with its one policy."""
    for crd in sorted(sources().glob("config/crds/*/*.yaml")):
        answer = cluster.request("POST", CRDS, crd.read_text(), content_type="application/yaml")
        assert answer.status == 201, f"{crd.name}: {answer.body.get('message')}"
    _prepare(cluster)
    log = cluster.directory / "kyverno.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(program), f"--kubeconfig={cluster.kubeconfig}", *FLAGS],
            stdout=output, stderr=output, env={**os.environ, **ENVIRONMENT},
        )  # fmt: skip
    try:
        ca = cluster.directory / "kyverno-ca.crt"
        ca.write_bytes(wait(lambda: _ca(cluster, process, log), "certificate of Kyverno's", 90))
        wait(lambda: _takes(cluster), "policy taken by Kyverno", 90)
        yield Running("kyverno", f"https://127.0.0.1:{PORT}/mutate/fail", ca, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _prepare(cluster: Cluster) -> None:
    cluster.make("/api/v1/namespaces", {"metadata": {"name": SPACE}})
    cluster.make(f"/api/v1/namespaces/{SPACE}/serviceaccounts", {"metadata": {"name": DEPLOYMENT}})
    for name in ("kyverno", "kyverno-metrics"):
        cluster.make(f"/api/v1/namespaces/{SPACE}/configmaps", {"metadata": {"name": name}})
    labels = {"app": DEPLOYMENT}
    spec = {"containers": [{"name": "kyverno", "image": "kyverno"}]}
    cluster.make(
        f"/apis/apps/v1/namespaces/{SPACE}/deployments",
        {
            "metadata": {"name": DEPLOYMENT},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
        },
    )


def _ca(cluster: Cluster, process: subprocess.Popen[bytes], log: Path) -> bytes:
    if process.poll() is not None:
        raise RuntimeError(f"Kyverno did not start:\n{log.read_text()[-2000:]}")
    answer = cluster.request("GET", f"/api/v1/namespaces/{SPACE}/secrets/kyverno-ca")
    return base64.b64decode(answer.body.get("data", {}).get("tls.crt", ""))


def _takes(cluster: Cluster) -> bool:
    """Create the policy, which Kyverno's own webhook validates once it is up."""
    answer = cluster.request("POST", "/apis/kyverno.io/v1/clusterpolicies", POLICY)
    if answer.status in (201, 409):
        return True
    time.sleep(1)
    return False


def _removes(client: Client) -> bool:
    try:
        answer = json.loads(client.run(1, 0.2)["last_answer"])
    except RuntimeError:
        return False
    patch = base64.b64decode(answer.get("response", {}).get("patch", "")).decode()
    return f"/{FS_GROUP}" in patch


def verdicts(figures: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Return what must hold beside Kyverno at 8 connections: half of its p99 and memory, twice its throughput."""
    mine, theirs, ratio = (figures[name]["8"] for name in ("ours", "kyverno", "ratios"))
    memory = {name: mib["pss"] for name, mib in figures["memory"].items()}
    return [
        ("throughput at 8 connections: Kyverno's to ours, at most half", 1 / ratio["rate"]["median"], 0.5),
        ("p99 at 8 connections, ms: at most half of Kyverno's", mine["p99"]["median"], theirs["p99"]["median"] / 2),
        ("memory, MiB PSS: at most half of Kyverno's", memory["ours"], memory["kyverno"] / 2),
    ]
