"""The API server sends every object that a rule would change, and none of its match conditions fails."""

import base64
import copy
import json
import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests import cases, random_objects, upstream
from tests.installed import CONFIGURATIONS, deployed, namespace, serve
from tests.other_webhook import answering
from tests.rig.cluster import Cluster, Response, running, wait
from webhook import engine, manifests
from webhook.model import Object, Request
from webhook.review import decode
from webhook.settings import Settings
from webhook.workload import KINDS, group_of, kind_of

pytestmark = pytest.mark.rig

NAMESPACE, CLIENTS, RANDOM_OBJECTS = "kubeflow", 8, 5000
ERRORS = "apiserver_admission_match_condition_evaluation_errors_total"
BUILT_IN = ("", "apps", "batch", "rbac.authorization.k8s.io")
EXCEPTIONS: Final = {
    "access-mode": "the rule is off by default, and its condition does not know the claims of StatefulSets",
    "writable-directory": "the setting `images` names an image that no condition knows",
    "dedicated-service-account": "the setting `accounts` names a workload that no condition knows",
}
"""Rules with fixtures whose settings let them change more than is sent, and why (docs/match-conditions.md)."""


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
        """Tell whether a rule would change an object that was not sent; None where the API server rejects it."""
        name, kind = obj["metadata"]["name"], kind_of(obj["apiVersion"], obj["kind"])
        answer = self.create(obj)
        assert "expression" not in str(answer.body.get("message")), answer.body["message"]
        if (kind, name) in self.sent:
            return False
        judged = self.injected.get(name) or (answer.body if answer.status == 201 else None)
        if judged is None:
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
    namespace(cluster, NAMESPACE)
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}]
    cluster.make(f"{rbac}/roles", {"metadata": {"name": "pods"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "pods"}
    cluster.make(f"{rbac}/rolebindings", {"metadata": {"name": "pods"}, "roleRef": role, "subjects": [subject]})
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda kind: serve_openly(cluster, kind), (k for k in KINDS if group_of(k) not in BUILT_IN)))
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


def serve_openly(cluster: Cluster, kind: str) -> None:
    """Have the API server serve a kind of custom resource, as v1 and without a schema."""
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


@pytest.fixture(scope="module")
def cluster(rig: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a cluster that does not know the webhook."""
    with running(tmp_path_factory.mktemp("rig")) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def module_recorder(cluster: Cluster) -> Iterator[Recorder]:
    with recording(cluster) as found:
        yield found


@pytest.fixture
def recorder(module_recorder: Recorder) -> Recorder:
    module_recorder.sent.clear()
    return module_recorder


def named(obj: Object, name: str) -> Object:
    """Return an object as the namespace can have it, under another name unless a rule looks at it."""
    metadata = {key: obj["metadata"][key] for key in ("labels", "annotations") if obj["metadata"].get(key)}
    kept = obj["metadata"].get("name") in ("workflow-controller-configmap", "minio", "metadata-db")
    return {**obj, "metadata": {**metadata, "name": obj["metadata"]["name"] if kept else name}}


def test_of_the_fixtures_every_one_that_is_changed_is_sent(recorder: Recorder) -> None:
    for number, case in enumerate(cases.all_cases()):
        rule, settings = case.folder.parent.name, case.settings()
        if not (rule in EXCEPTIONS and case.settings_file):
            assert not recorder.missed(named(case.document().value, f"o{number}"), settings), case.id
    assert len(recorder.sent) > 100


@pytest.mark.parametrize(
    "folder", sorted(path.name for path in upstream.FOLDER.glob("*") if path.is_dir()) or ["upstream"]
)
def test_of_upstream_every_object_that_is_changed_is_sent(recorder: Recorder, folder: str) -> None:
    if not upstream.FOLDER.is_dir():
        pytest.skip("UPSTREAM_MANIFESTS names no folder with upstream's manifests")
    documents = manifests.read([str(upstream.FOLDER / folder)])
    objects = [obj for document in documents for _, obj in document.objects()]
    known = [obj for obj in objects if kind_of(obj.get("apiVersion"), obj.get("kind")) in KINDS]
    missed, sent = recorder.missed_of(named(obj, f"o{number}") for number, obj in enumerate(known))
    assert (missed, sent > 0) == ([], bool(known))


def test_of_random_objects_every_one_that_is_changed_is_sent(recorder: Recorder, seed: int) -> None:
    missed, sent = recorder.missed_of(random_object(random.Random(f"{seed} {n}"), n) for n in range(RANDOM_OBJECTS))
    assert missed == []
    assert sent > RANDOM_OBJECTS / 4


def random_object(dice: random.Random, number: int) -> Object:
    """Return an object of any kind but Pod; now and then something in it is of another shape."""
    obj = random_objects.random_object(dice, dice.choice([kind for kind in KINDS if kind != "Pod"]))
    obj = named(random_objects.fresh(obj), f"o{number}")
    content = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")}
    return {**obj, **random_objects.maybe_odd(dice, content)} if content else obj
