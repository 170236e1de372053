"""Kyverno 1.19 beside us, on the rig: `KYVERNO=1 make bench` builds it (ten minutes) and measures it with the rest.

It runs beside the cluster, not in it: leader election, informers and its certificate are real, reports are off. Its one
policy makes the same object of the measured review as we do; then, for less work, one that only removes fsGroup.
"""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from bench import direct
from bench.load import Client
from bench.objects import measured_review
from bench.servers import Running, ours
from tests.rig.cluster import CRDS, Cluster, running, wait
from webhook.admission import engine, review
from webhook.objects import patch
from webhook.objects.model import Object
from webhook.settings.model import Settings

VERSION: Final = "v1.19.1"
MODULE: Final = f"github.com/kyverno/kyverno@{VERSION}"
SPACE: Final = "kyverno"
DEPLOYMENT: Final = "kyverno-admission-controller"
PORT: Final = 9443  # its own, which no flag changes
CONNECTIONS: Final = (1, 8)
CLUSTER_POLICIES: Final = "/apis/kyverno.io/v1/clusterpolicies"
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
SPEC: Final = "spec/template/spec"
FS_GROUP: Final = f"{SPEC}/securityContext/fsGroup"


def _foreign(field: str) -> list[dict[str, Any]]:
    """Return Kyverno's conditions, any of which says that an identity is none that OpenShift allocates."""
    key = f"{{{{ {field} || `1000000000` }}}}"
    return [
        {"key": key, "operator": "LessThan", "value": 1_000_000_000},
        {"key": key, "operator": "GreaterThanOrEquals", "value": 2_000_000_000},
    ]


def _of_each(containers: str) -> dict[str, Any]:
    context = f"/{SPEC}/{containers}/{{{{elementIndex}}}}/securityContext"
    patch = [
        {"op": "remove", "path": f"{context}/runAsUser"},
        {"op": "remove", "path": f"{context}/runAsGroup"},
        {"op": "add", "path": f"{context}/runAsNonRoot", "value": True},
    ]
    return {
        "list": f"request.object.{SPEC.replace('/', '.')}.{containers}",
        "preconditions": {"any": _foreign("element.securityContext.runAsUser")},
        "patchesJson6902": json.dumps(patch),
    }


def _rule(name: str, mutate: dict[str, Any], **more: Any) -> dict[str, Any]:
    match = {"any": [{"resources": {"kinds": ["StatefulSet", "Deployment"]}}]}
    return {"name": name, "match": match, "mutate": mutate, **more}


def policy(*rules: dict[str, Any]) -> dict[str, Any]:
    """Return a policy of Kyverno's."""
    metadata = {"name": "identities", "annotations": {"pod-policies.kyverno.io/autogen-controllers": "none"}}
    return {"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": metadata, "spec": {"rules": rules}}


GROUP: Final = _rule(
    "fs-group",
    {"patchesJson6902": json.dumps([{"op": "remove", "path": f"/{FS_GROUP}"}])},
    preconditions={"any": _foreign(f"request.object.{FS_GROUP.replace('/', '.')}")},
)
USERS: Final = _rule("users", {"foreach": [_of_each("initContainers"), _of_each("containers")]})
REWRITES: Final = {"the same rewrite": (GROUP, USERS), "fsGroup only": (GROUP,)}


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
    """Return what ours and Kyverno did with the same review, in turn, for each of its policies, and their memory."""
    body = folder / "review.json"
    body.write_bytes(measured_review())
    request = review.decode(measured_review())
    obj, ours_makes = request.object or {}, engine.evaluate(request, Settings()).object or {}
    without_group = patch.apply(obj, [{"op": "remove", "path": f"/{FS_GROUP}"}])
    wanted = dict(zip(REWRITES, (ours_makes, without_group), strict=True))
    with ExitStack() as stack:
        cluster = stack.enter_context(running(folder / "kyverno-rig", mode="without-scc"))
        servers = [stack.enter_context(ours()), stack.enter_context(kyverno(cluster, built(folder)))]
        clients = {server.name: Client(programs["load"], server.url, server.ca, body) for server in servers}
        figures: dict[str, Any] = {}
        for name, rules in REWRITES.items():
            wait(partial(_takes, cluster, policy(*rules)), "policy taken by Kyverno", 90)
            wait(partial(_makes, clients["kyverno"], obj, wanted[name]), f"Kyverno's patch: {name}", 60)
            figures[name] = direct.summary(direct.rounds(clients, CONNECTIONS), CONNECTIONS, "kyverno")
        memory = {server.name: server.memory() for server in servers}
        return {"rewrites": figures, "memory": memory, "version": VERSION}


@contextmanager
def kyverno(cluster: Cluster, program: Path) -> Iterator[Running]:
    """Run Kyverno on a cluster, without a policy."""
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


def _takes(cluster: Cluster, wanted: dict[str, Any]) -> bool:
    """Create or replace the policy, which Kyverno's own webhook validates once it is up."""
    answer = cluster.request("GET", f"{CLUSTER_POLICIES}/identities")
    if answer.status == HTTPStatus.OK:
        changed = {**answer.body, "spec": wanted["spec"]}
        return cluster.request("PUT", f"{CLUSTER_POLICIES}/identities", changed).status == HTTPStatus.OK
    return cluster.request("POST", CLUSTER_POLICIES, wanted).status == HTTPStatus.CREATED


def _makes(client: Client, obj: Object, wanted: Object) -> bool:
    try:
        return patch.same(direct.rewritten(obj, client.run(1, 0.2)["last_answer"]), wanted)
    except (RuntimeError, KeyError):  # it is not up, or has no policy yet
        return False


def verdicts(figures: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Return what must hold beside Kyverno at 8 connections: half of its p99 and memory, twice its throughput."""
    same = figures["rewrites"]["the same rewrite"]
    mine, theirs, ratio = (same[name]["8"] for name in ("webhook", "kyverno", "ratios"))
    memory = {name: mib["pss"] for name, mib in figures["memory"].items()}
    return [
        ("throughput at 8 connections, Kyverno to webhook: at most half", 1 / ratio["rate"]["median"], 0.5),
        ("p99 at 8 connections, ms: at most half of Kyverno's", mine["p99"]["median"], theirs["p99"]["median"] / 2),
        ("memory, MiB PSS: at most half of Kyverno's", memory["webhook"], memory["kyverno"] / 2),
    ]
