"""Which objects the API server sends: a webhook that records them, changes nothing, and has the real conditions."""

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.installed import CONFIGURATIONS, namespace, serve
from tests.other_webhook import answering
from tests.rig.cluster import Cluster, wait
from webhook import engine
from webhook.fix import request_for
from webhook.model import Object, Request
from webhook.review import decode
from webhook.rules import RULES
from webhook.settings import Settings
from webhook.workload import KINDS, group_of, kind_of

NAME = "sent"
"""Of the configuration, and of the role of the namespace's service account."""
NAMESPACE = "kubeflow"
VERSIONS = {"": "v1", "apps": "v1", "batch": "v1", "rbac.authorization.k8s.io": "v1"}
"""Of the API groups that every API server has; the others are served as v1 too, with no schema."""
EVERYTHING_ON = Settings(rules={**dict.fromkeys(RULES, True), "istio-injection": {"namespaces": "all"}})
CLIENTS = 8
Reviews = dict[tuple[str, str], list[Request]]
"""By kind and name."""

SUPERSETS: dict[str, tuple[str, Callable[[Request], bool]]] = {
    "null": (
        "null where a list belongs counts as another shape: the API server drops it from its own kinds only",
        lambda request: "." in group_of(request.kind) and "null" in json.dumps(request.object),
    ),
    "off by default": (
        "the configuration file may switch on some rules, and istio-injection for all namespaces",
        lambda request: wanted(request, EVERYTHING_ON),
    ),
    "the annotation": (
        "a list of rules to skip is sent whatever it names: each condition would have to read it",
        lambda request: engine.SKIP_ANNOTATION in json.dumps(request.object),
    ),
    "objects inside": (
        "what an Experiment or a Trial holds may be of any kind: the condition would repeat all others",
        lambda request: bool(KINDS[request.kind].objects),
    ),
    "argo-executor": (
        "the executor's settings are YAML inside a text, which CEL does not read",
        lambda request: request.kind == "ConfigMap",
    ),
    "writable-directory": (
        "its table looks around a name, which RE2 cannot; a volume with the name of its own is not compared",
        lambda request: (
            "kubeflow/pytorch-dist-mnist" in json.dumps(request.object)
            or "/jupyter-web-app" in json.dumps(request.object)
            or '"name": "writable-' in json.dumps(request.object)
        ),
    ),
    "output-directory": (
        "what is mounted where an output lies is not compared",
        lambda request: request.kind.endswith(".argoproj.io") and "outputs" in json.dumps(request.object),
    ),
    "Argo workflows": (
        "each template is judged by itself: one that asks for a grant does not keep the identity of the others",
        lambda request: request.kind.endswith(".argoproj.io"),
    ),
}
"""Where more is sent than is changed or warned of, and why. Of objects of another shape than their kind says, too."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One object as the API server judged it, and how often it was sent; None where it never came so far."""

    request: Request
    sent: int | None
    why: str = ""


@contextmanager
def recording(cluster: Cluster, configuration: Object, folder: Path, name: str = NAME) -> Iterator[Reviews]:
    """Register a recorder with a configuration's match rules and conditions; yield what it saw."""
    reviews: Reviews = {}

    def record(_path: str, body: bytes) -> Object:
        request = decode(body)
        assert request.object is not None
        reviews.setdefault((request.kind, request.object["metadata"]["name"]), []).append(request)
        return {}

    with answering(record, folder) as client_config:
        cluster.make(CONFIGURATIONS, _leading(configuration, name, client_config))
        try:
            probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "workflow-controller-configmap"}}
            wait(lambda: see(cluster, reviews, probe).sent, "review of a dry run")
            reviews.clear()
            yield reviews
        finally:
            cluster.request("DELETE", f"{CONFIGURATIONS}/{name}")


def _leading(configuration: Object, name: str, client_config: Object) -> Object:
    configuration = copy.deepcopy(configuration)
    configuration["metadata"]["name"] = name
    for each in configuration["webhooks"]:
        each["clientConfig"] = client_config
    return configuration


def prepare(cluster: Cluster) -> None:
    """Make the namespace, let its service account create everything in it, and serve every kind without a schema."""
    namespace(cluster, NAMESPACE)
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}]
    within = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
    cluster.make(f"{within}/roles", {"metadata": {"name": NAME}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME}
    cluster.make(f"{within}/rolebindings", {"metadata": {"name": NAME}, "roleRef": role, "subjects": [subject]})
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(
            clients.map(lambda kind: _serve(cluster, kind), [kind for kind in KINDS if group_of(kind) not in VERSIONS])
        )


def _serve(cluster: Cluster, kind: str) -> None:
    facts, (name, _, group) = KINDS[kind], kind.partition(".")
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    definition = {
        "metadata": {
            "name": f"{facts.resource}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": group,
            "names": {"kind": name, "plural": facts.resource, "singular": name.lower(), "listKind": f"{name}List"},
            "scope": "Namespaced" if facts.namespaced else "Cluster",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    serve(cluster, definition, NAMESPACE if facts.namespaced else "")


def see(cluster: Cluster, reviews: Reviews, obj: Object) -> Seen:
    """Create an object in a dry run, and tell whether it was sent."""
    kind = kind_of(obj["apiVersion"], obj["kind"])
    facts, group = KINDS[kind], group_of(kind)
    root = f"/apis/{group}/v1" if group else "/api/v1"
    path = f"{root}/namespaces/{NAMESPACE}/{facts.resource}" if facts.namespaced else f"{root}/{facts.resource}"
    user = f"system:serviceaccount:{NAMESPACE}:default" if kind == "Pod" and obj["metadata"].get("labels") else None
    body = {**obj, "apiVersion": f"{group}/v1".removeprefix("/")}
    answer = cluster.request("POST", f"{path}?dryRun=All&fieldValidation=Ignore", body, user=user)
    name = obj["metadata"]["name"]
    sent, why = reviews.get((kind, name), []), str(answer.body.get("message", ""))
    judged = answer.body if answer.status == 201 else body
    judged["metadata"]["namespace"] = NAMESPACE
    request = Request(kind, "CREATE", judged, namespace=NAMESPACE if facts.namespaced else "", name=name)
    if sent:
        return Seen(sent[-1], len(sent), why)
    if "expression" in why:
        return Seen(request, 0, f"failed: {why}")
    # A Pod that is refused at the end does not say what SCC had made of it.
    reached = answer.status == 201 or (answer.status == 422 and kind != "Pod")
    return Seen(request, 0 if reached else None, why)


def see_all(cluster: Cluster, reviews: Reviews, objects: Iterable[Object]) -> list[Seen]:
    """Create objects in dry runs, several at a time."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(lambda obj: see(cluster, reviews, obj), objects))


def wanted(request: Request, settings: Settings | None = None) -> bool:
    """Tell whether the engine changes an object, or warns of it."""
    outcome = engine.evaluate(request, settings or Settings())
    return bool(outcome.operations or outcome.warnings)


def excuse(seen: Seen) -> str | None:
    """Say why an object that nobody wanted was sent, as SUPERSETS has it; None where nothing explains it."""
    return next((name for name, (_, explains) in SUPERSETS.items() if explains(seen.request)), None)


def verdict(seen: Seen, settings: Settings | None = None, *, odd: bool = False) -> str:
    """Hold what was sent against what the engine wants; `odd`: something in the object is of another shape."""
    if seen.why.startswith("failed"):
        return "failed"
    if seen.sent is None:
        return "not asked"
    if seen.sent > 1:
        return "twice"
    if wanted(seen.request, settings):
        return "sent" if seen.sent else "missed"
    if not seen.sent:
        return "not sent"
    return f"superset: {'another shape' if odd else excuse(seen) or 'unexplained'}"


BAD: Final = ("failed", "missed", "twice", "superset: unexplained")


def needed(objects: Iterable[Object]) -> dict[tuple[str, str], str]:
    """Return by kind and name which objects are changed or warned of; and which are sent all the same, and why."""
    found = {}
    for request in map(request_for, objects):
        if request.kind in KINDS and (why := "changed or warned of" if wanted(request) else excuse(Seen(request, 1))):
            found[request.kind, request.name] = why
    return found
