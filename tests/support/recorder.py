"""A webhook that changes nothing and remembers what the API server sent it, by the conditions that are deployed."""

import base64
import copy
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.rig.cluster import Cluster, Response, wait
from tests.support.installed import CONFIGURATIONS, crd, deployed, serve, with_accounts
from tests.support.other_webhook import answering
from webhook.admission import engine
from webhook.admission.review import decode
from webhook.objects.model import Object, Request
from webhook.settings.model import Settings
from webhook.workloads.kinds import KINDS, group_of, kind_of

NAMESPACE, CLIENTS = "kubeflow", 8
ERRORS: Final = "apiserver_admission_match_condition_evaluation_errors_total"
BUILT_IN: Final = ("", "apps", "batch", "rbac.authorization.k8s.io")
"""API groups that every API server has; the rig serves the others without a schema."""


@dataclass(slots=True)
class Recorder:
    """A webhook that changes nothing and remembers what it was sent; another before it injects containers."""

    cluster: Cluster
    sent: dict[tuple[str, str], Request] = field(default_factory=dict)
    """By kind and name."""
    injected: dict[str, Object] = field(default_factory=dict)
    """Pods as the injector left them, by name."""
    sidecars: dict[str, Object] = field(default_factory=dict)
    """What it injects, by the name of the Pod."""

    def answer(self, path: str, body: bytes) -> Object:
        request = decode(body)
        assert request.object is not None
        name = request.object["metadata"].get("name", "")
        if not path.startswith("/inject"):
            self.sent[request.kind, name] = request
        elif name in self.sidecars:
            pod = copy.deepcopy(request.object)
            pod["spec"]["containers"].append(self.sidecars[name])
            self.injected[name] = pod
            patch = [{"op": "add", "path": "/spec/containers/-", "value": self.sidecars[name]}]
            return {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
        return {}

    def create(self, obj: Object) -> Response:
        """Create an object in a dry run; a Pod as a service account, since an administrator may use every SCC."""
        kind = kind_of(obj["apiVersion"], obj["kind"])
        facts, group = KINDS[kind], group_of(kind)
        version = f"{group}/v1".removeprefix("/")
        within = f"namespaces/{NAMESPACE}/" if facts.namespaced else ""
        path = f"/{'apis' if group else 'api'}/{version}/{within}{facts.resource}?dryRun=All&fieldValidation=Ignore"
        user = f"system:serviceaccount:{NAMESPACE}:default" if kind == "Pod" else None
        return self.cluster.request("POST", path, {**obj, "apiVersion": version}, user=user)

    def missed(self, obj: Object, settings: Settings) -> bool | None:
        """Check whether a rule would change an object that was not sent; None where the API server rejects it."""
        name, kind = obj["metadata"]["name"], kind_of(obj["apiVersion"], obj["kind"])
        answer = self.create(obj)
        assert "expression" not in str(answer.body.get("message")), answer.body["message"]
        if (kind, name) in self.sent:
            return False
        if name in self.injected:
            judged = self.injected[name]
        elif answer.status == 422 and kind != "Pod":
            judged = copy.deepcopy(obj)  # validation comes after webhooks
        elif answer.status == 201:
            judged = answer.body
        else:
            return None
        judged["metadata"]["namespace"] = NAMESPACE
        request = Request(kind, "CREATE", judged, namespace=NAMESPACE if KINDS[kind].namespaced else "", name=name)
        return bool(engine.evaluate(request, settings).operations)

    def missed_of(self, objects: Iterable[Object]) -> tuple[list[tuple[str, str]], int]:
        """Return which of some objects are missed, and how many were sent. Names must differ."""
        objects = list(objects)
        with ThreadPoolExecutor(CLIENTS) as clients:
            missed = list(clients.map(lambda obj: self.missed(obj, Settings()), objects))
        assert ERRORS not in self.cluster.request("GET", "/metrics").body["message"]
        found = [(obj["kind"], obj["metadata"]["name"]) for obj, miss in zip(objects, missed, strict=True) if miss]
        print(f"{len(objects)} objects: {len(self.sent)} sent, {missed.count(None)} rejected, {len(found)} missed")
        return found, len(self.sent)


@contextmanager
def recording(cluster: Cluster) -> Iterator[Recorder]:
    """Register a recorder as deploy/ has the webhook, in a cluster that serves every kind."""
    with_accounts(cluster, NAMESPACE)
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(
            clients.map(lambda kind: _serve(cluster, kind), (kind for kind in KINDS if group_of(kind) not in BUILT_IN))
        )
    recorder = Recorder(cluster)
    with answering(recorder.answer, cluster.directory) as config:
        configuration = deployed()
        for entry in configuration["webhooks"]:
            entry["clientConfig"] = config
        [pods] = [entry for entry in configuration["webhooks"] if entry["name"].startswith("pods.components")]
        injector = {key: value for key, value in pods.items() if key not in ("matchConditions", "reinvocationPolicy")}
        injector["clientConfig"] = {**config, "url": f"{config['url']}/inject"}
        cluster.make(CONFIGURATIONS, {"metadata": {"name": "mm-injector"}, "webhooks": [injector]})
        cluster.make(CONFIGURATIONS, configuration)
        probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "workflow-controller-configmap"}}
        wait(lambda: recorder.create(probe).status == 201 and recorder.sent, "review of a dry run")
        recorder.sent.clear()
        yield recorder


def _serve(cluster: Cluster, kind: str) -> None:
    facts, (name, _, group) = KINDS[kind], kind.partition(".")
    scope = "Namespaced" if facts.namespaced else "Cluster"
    serve(cluster, crd(name, facts.resource, scope, group), NAMESPACE if facts.namespaced else "")
