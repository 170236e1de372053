"""What each way of rewriting adds to creating objects, as the API server and its client see it (on the rig).

Every way has a namespace of its own in one cluster, and they take turns. Objects are created with dryRun=All: all of
admission runs and nothing is stored, so that the last round meets the same cluster as the first. The rig runs without
SCC, whose own time would be in every figure.
"""

import base64
import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.figures import Spread, spread
from bench.load import Client
from bench.objects import created, pod, stateful_set
from bench.policy import policy
from bench.servers import Running, controller_runtime, ours
from tests.rig.cluster import Cluster, running, wait
from tests.support.installed import CONFIGURATIONS, namespace
from webhook.objects.model import Object

CLIENTS: Final = (1, 8, 32)
ROUNDS: Final = 3
SECONDS: Final = 2.0
PAUSE: Final = "25ms"
"""What a client waits between creations, so that what is measured is added latency, not the queue of a full machine."""
WAYS: Final = ("webhook", "controller-runtime", "policy", "none")
WITH_POLICY: Final = (
    "--feature-gates=MutatingAdmissionPolicy=true",
    "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
)
POLICIES: Final = "/apis/admissionregistration.k8s.io/v1beta1/mutatingadmissionpolic"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind that is created: where it is posted, what of it, and where its pod spec is."""

    name: str
    group: str
    resource: str
    spec: str
    make: Callable[[], Object]

    def path(self, namespace: str) -> str:
        """Return where objects of the kind are created in a namespace, as a dry run."""
        api = f"/apis/{self.group}/v1" if self.group else "/api/v1"
        return f"{api}/namespaces/{namespace}/{self.resource}?dryRun=All"


@dataclass(frozen=True, slots=True)
class Stage:
    """What every run needs: the cluster, the load client, and a folder for bodies."""

    cluster: Cluster
    load: Path
    folder: Path


KINDS: Final = (
    Kind("StatefulSet", "apps", "statefulsets", "spec.template.spec", stateful_set),
    Kind("Pod", "", "pods", "spec", pod),
)


def measure(programs: dict[str, Path], folder: Path) -> dict[str, Any]:
    """Return the figures of every way, kind and number of clients."""
    with ExitStack() as stack:
        cluster = stack.enter_context(running(folder / "rig", mode="without-scc", apiserver_args=WITH_POLICY))
        _register(cluster, stack.enter_context(ours()))
        _register(cluster, stack.enter_context(controller_runtime(programs["controller_runtime"])))
        for way in WAYS:
            namespace(cluster, f"bench-{way}")
        for kind in KINDS:
            name = f"bench-{kind.resource}"
            for end, obj in zip(("ies", "ybindings"), policy(name, "bench-policy", *_where(kind)), strict=True):
                cluster.make(POLICIES + end, obj)
        for kind in KINDS:
            wait(lambda kind=kind: _alike(cluster, kind), f"agreement on {kind.name}s")  # type: ignore[misc]
        rounds: dict[str, Any] = {kind.name: {way: {str(n): [] for n in CLIENTS} for way in WAYS} for kind in KINDS}
        stage = Stage(cluster, programs["load"], folder)
        for number in range(ROUNDS):
            for kind in KINDS:
                for clients in CLIENTS:
                    for way in WAYS:
                        seen = _run(stage, kind, way, clients)
                        rounds[kind.name][way][str(clients)].append(seen)
            print(f"bench: API server, round {number + 1} of {ROUNDS}", flush=True)
    return {kind: summary(ways) for kind, ways in rounds.items()}


def _where(kind: Kind) -> tuple[str, str, str]:
    return kind.group, kind.resource, kind.spec


def _register(cluster: Cluster, webhook: Running) -> None:
    rules = [{"apiGroups": [kind.group], "apiVersions": ["v1"], "operations": ["CREATE"],
              "resources": [kind.resource]} for kind in KINDS]  # fmt: skip
    cluster.make(
        CONFIGURATIONS,
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": f"bench-{webhook.name}"},
            "webhooks": [
                {
                    "name": f"{webhook.name}.bench.io",
                    "admissionReviewVersions": ["v1"],
                    "clientConfig": {
                        "url": webhook.url,
                        "caBundle": base64.b64encode(webhook.ca.read_bytes()).decode(),
                    },
                    "rules": rules,
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": f"bench-{webhook.name}"}},
                    "failurePolicy": "Fail",
                    "reinvocationPolicy": "IfNeeded",
                    "sideEffects": "None",
                    "timeoutSeconds": 5,
                }
            ],
        },
    )


def _alike(cluster: Cluster, kind: Kind) -> bool:
    """Check whether all ways make the same object, another than without any; they need a moment to be active."""
    specs = {}
    for way in WAYS:
        space = f"bench-{way}"
        answer = cluster.request("POST", kind.path(space), created(kind.make(), space))
        specs[way] = json.dumps(_without_token(answer.body["spec"]), sort_keys=True)
    return specs["webhook"] == specs["controller-runtime"] == specs["policy"] != specs["none"]


def _without_token(spec: Object) -> Object:
    """Leave out the name that each Pod's token volume gets at random."""
    text: str = re.sub(r"kube-api-access-\w{5}", "kube-api-access", json.dumps(spec))
    value: Object = json.loads(text)
    return value


def _run(stage: Stage, kind: Kind, way: str, clients: int) -> dict[str, float]:
    cluster, folder = stage.cluster, stage.folder
    space = f"bench-{way}"
    body = folder / f"{kind.resource}-{way}.json"
    body.write_text(json.dumps(created(kind.make(), space)))
    directory = cluster.directory
    more = ("-certificate", str(directory / "admin.crt"), "-key", str(directory / "admin.key"), "-pause", PAUSE)
    client = Client(stage.load, cluster.server + kind.path(space), directory / "ca.crt", body, more)
    before = _histogram(cluster, way)
    seen = client.run(clients, SECONDS)
    after = _histogram(cluster, way)
    count = after["count"] - before["count"]
    own = {
        "admission_mean": 1000 * (after["sum"] - before["sum"]) / count if count else 0.0,
        "admission_within_5ms": (after["5ms"] - before["5ms"]) / count if count else 1.0,
    }
    return {what: seen[what] for what in ("rate", "p50", "p99")} | own


def _histogram(cluster: Cluster, way: str) -> dict[str, float]:
    """Read the API server's own histogram of a way: of the webhook by its name, of the policies by their plugin."""
    named = {
        "policy": ("apiserver_admission_controller_admission_duration_seconds", "MutatingAdmissionPolicy"),
        "none": ("none", "none"),
    }
    metric, name = named.get(way, ("apiserver_admission_webhook_admission_duration_seconds", f"{way}.bench.io"))
    found = {"sum": 0.0, "count": 0.0, "5ms": 0.0}
    for line in cluster.request("GET", "/metrics").body["message"].splitlines():
        if line.startswith(metric) and f'name="{name}"' in line and 'operation="CREATE"' in line:
            value = float(line.rpartition(" ")[2])
            for end, key in (("_sum{", "sum"), ("_count{", "count"), ("_bucket{", "5ms")):
                if line.startswith(metric + end) and (key != "5ms" or 'le="0.005"' in line):
                    found[key] += value
    return found


def summary(ways: dict[str, dict[str, list[dict[str, float]]]]) -> dict[str, Any]:
    """Turn the rounds of one kind into figures; what is added is to the same round without anything."""
    figures: dict[str, Any] = {}
    for way, by_clients in ways.items():
        figures[way] = {}
        for clients, runs in by_clients.items():
            without = ways["none"][clients]
            found: dict[str, Spread] = {what: spread(one[what] for one in runs) for what in runs[0]}
            for what in ("p50", "p99"):
                pairs = zip(runs, without, strict=True)
                found[f"added_{what}"] = spread(one[what] - other[what] for one, other in pairs)
            figures[way][clients] = found
    return figures


def verdicts(figures: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Return what must hold, what was seen and the bound."""
    found = []
    for kind in (kind.name for kind in KINDS):
        ways = figures[kind]
        theirs = ways["controller-runtime"]["8"]["added_p99"]["median"]
        seen = ways["webhook"]["8"]["added_p99"]["median"]
        name = f"added p99 for {kind}s at 8 clients, ms: under 10, or twice controller-runtime's"
        found.append((name, seen, round(max(10.0, 2 * theirs), 3)))
    return found
