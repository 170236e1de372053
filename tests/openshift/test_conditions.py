"""The API server sends every object that a rule would change, and none of its match conditions fails."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.properties import random_objects
from tests.properties.random_pods import some
from tests.rig.cluster import Cluster, Response, running
from tests.support import cases, upstream
from tests.support.installed import deployment
from tests.support.recorder import BUILT_IN, NAMESPACE, Recorder, recording
from webhook.manifests import reader
from webhook.objects.model import Object
from webhook.rules.object.finalizers import OWNERS
from webhook.scc import ranges
from webhook.workloads.kinds import KINDS, group_of, kind_of

RANDOM_OBJECTS, RANDOM_PODS = 5000, 1000
CLAIMS = "no condition reads the claims of a StatefulSet: access-mode is off by default"
IMAGES = "no condition knows the images of a configuration"
EXCEPTIONS = {
    "access-mode/sets-read-write-once-in-volume-claim-templates": CLAIMS,
    "access-mode/keeps-it-in-templates-stored-with-it": CLAIMS,
    "writable-directory/adds-a-volume-whose-name-has-no-more-than-63-characters": IMAGES,
    "writable-directory/adds-what-the-configuration-names": IMAGES,
}
"""Fixtures whose configuration lets a rule change what is not sent, and why (docs/match-conditions.md)."""


@pytest.fixture(scope="module")
def registered(rig: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """Start a cluster that knows a recorder instead of the webhook."""
    with running(tmp_path_factory.mktemp("rig")) as cluster, recording(cluster) as found:
        yield found


@pytest.fixture(scope="module")
def registered_like_4_2(rig: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """Start the same as OpenShift 4.2 was: SCC is not run again after webhooks, and everyone may use `restricted`."""
    with running(tmp_path_factory.mktemp("rig-4.2"), mode="like-4.2") as cluster, recording(cluster) as found:
        yield found


@pytest.fixture
def recorder(registered: Recorder) -> Recorder:
    registered.sent.clear()
    return registered


def named(obj: Object, name: str) -> Object:
    """Return an object as the namespace can have it, under another name unless a rule looks at it."""
    metadata = {key: obj["metadata"][key] for key in ("labels", "annotations") if obj["metadata"].get(key)}
    kept = obj["metadata"].get("name") in ("workflow-controller-configmap", "minio", "metadata-db")
    return {**obj, "metadata": {**metadata, "name": obj["metadata"]["name"] if kept else name}}


def test_of_the_fixtures_every_one_that_is_changed_is_sent(recorder: Recorder) -> None:
    for number, case in enumerate(cases.all_cases()):
        missed = recorder.missed(named(case.document().value, f"o{number}"), case.settings())
        assert bool(missed) == (case.id in EXCEPTIONS), case.id
    assert len(recorder.sent) > 100


@pytest.mark.parametrize(
    "folder", sorted(path.name for path in upstream.FOLDER.glob("*") if path.is_dir()) or ["upstream"]
)
def test_of_upstream_every_object_that_is_changed_is_sent(recorder: Recorder, folder: str) -> None:
    if not upstream.FOLDER.is_dir():
        pytest.skip("UPSTREAM_MANIFESTS names no folder with upstream's manifests")
    documents = reader.read([str(upstream.FOLDER / folder)])
    objects = [obj for document in documents for _, obj in document.objects()]
    known = [obj for obj in objects if kind_of(obj.get("apiVersion"), obj.get("kind")) in KINDS]
    missed, sent = recorder.missed_of(named(obj, f"o{number}") for number, obj in enumerate(known))
    assert (missed, sent > 0) == ([], bool(known))


def test_of_random_objects_every_one_that_is_changed_is_sent(recorder: Recorder, seed: int) -> None:
    missed, sent = recorder.missed_of(random_object(random.Random(f"{seed} {n}"), n) for n in range(RANDOM_OBJECTS))
    assert missed == []
    assert RANDOM_OBJECTS / 4 < sent < RANDOM_OBJECTS * 3 / 4


def random_object(dice: random.Random, number: int) -> Object:
    """Return an object of any kind but Pod; now and then something in it is of another shape."""
    kinds = [kind for kind in KINDS if kind != "Pod" and (group_of(kind) in BUILT_IN or dice.random() < 0.3)]
    obj = random_objects.random_object(dice, dice.choice(kinds))
    reasons = [field for field in ("securityContext", "ports", "image") if dice.random() < 0.7]
    reasons.append("ephemeralContainers")  # no template may have one
    obj = named(without(random_objects.fresh(obj), reasons), f"o{number}")
    content = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")}
    return {**obj, **random_objects.maybe_odd(dice, content)} if content else obj


def without(value: Any, fields: list[str]) -> Any:
    """Return a value without some fields, wherever they are: few reasons are left to send it. Every image stays one."""
    if isinstance(value, dict):
        kept = {key: without(inner, fields) for key, inner in value.items() if key not in fields}
        return kept | ({"image": "example"} if "image" in value.keys() - kept.keys() else {})
    return [without(inner, fields) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("cluster", ["registered", "registered_like_4_2"])
def test_of_pods_every_one_is_sent_that_another_webhook_made_differ_and_no_other(
    cluster: str, request: pytest.FixtureRequest, seed: int
) -> None:
    recorder: Recorder = request.getfixturevalue(cluster)
    recorder.sent.clear()
    dice, user = random.Random(seed), allocated_user(recorder.cluster)
    ordinary = [pod(dice, f"ordinary{number}") for number in range(100)]
    assert recorder.missed_of(ordinary) == ([], 0)

    injected = [pod(dice, f"injected{number}") for number in range(RANDOM_PODS)]
    recorder.sidecars = {each["metadata"]["name"]: sidecar(dice, user) for each in injected}
    missed, sent = recorder.missed_of(injected)
    assert missed == []
    assert RANDOM_PODS / 2 < sent < RANDOM_PODS  # a complete sidecar is as SCC leaves it


def allocated_user(cluster: Cluster) -> int:
    annotations = cluster.request("GET", f"/api/v1/namespaces/{NAMESPACE}").body["metadata"]["annotations"]
    return int(annotations[ranges.UID_RANGE].partition("/")[0])


def pod(dice: random.Random, name: str) -> Object:
    """Return a Pod that a restricted SCC admits and completes."""
    spec: Object = {"containers": [{"name": "main", "image": "example", **some(dice, "securityContext", 0.5, dict)}]}
    spec |= some(dice, "securityContext", 0.5, lambda: some(dice, "runAsNonRoot", 0.5, lambda: True))
    spec |= some(dice, "initContainers", 0.3, lambda: [{"name": "init", "image": "example"}])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def sidecar(dice: random.Random, user: int) -> Object:
    """Return a container as another webhook may inject it: without a context, with a whole one, or anything between."""
    drops: tuple[list[str], ...] = (["ALL"], ["KILL", "MKNOD", "SETGID", "SETUID"], ["KILL"], [])
    context: Object = {
        **some(dice, "runAsUser", 0.8, lambda: dice.choice((user, user, user, 1337, 0))),
        **some(dice, "runAsGroup", 0.2, lambda: dice.choice((0, 1337))),
        **some(dice, "runAsNonRoot", 0.8, lambda: dice.random() < 0.8),
        **some(dice, "allowPrivilegeEscalation", 0.8, lambda: dice.random() < 0.2),
        **some(dice, "capabilities", 0.9, lambda: some(dice, "drop", 0.9, lambda: dice.choice(drops))),
    }
    name = dice.choice(("side", "side", "side", "istio-proxy"))
    return {"name": name, "image": "example", **some(dice, "securityContext", 0.9, lambda: context)}


def test_no_condition_fails_at_a_large_object(recorder: Recorder) -> None:
    """Kubernetes limits what an evaluation may cost."""
    ports = [{"containerPort": number} for number in range(1024, 6024)]  # equal ones take the API server a minute
    containers = [{"name": f"c{number}", "image": "registry.example.io/" + "x" * 80} for number in range(3000)]
    dearest = [{**each, "image": "x" * 500, "ports": ports[:100]} for each in containers[:100]]
    env = [{"name": f"A{number}", "value": "8888"} for number in range(30)]
    mounts = [{"name": "v", "mountPath": f"/mnt/{number}"} for number in range(5)]
    full = [{**each, "env": env, "ports": ports[:1], "volumeMounts": mounts} for each in containers[:25]]
    group = {"template": {"spec": {"containers": full}}}
    predictor = {"componentSpecs": [{"spec": {"containers": full[:1]}}]}
    owners = [owner for names in OWNERS.values() for owner in names]
    creates = {"apiGroups": ["kubeflow.org"], "resources": ["notebooks", "experiments"], "verbs": ["create"]}
    reads = {"apiGroups": ["*"], "resources": owners, "verbs": ["get"] * (49 - len(owners))}
    large = [
        deployment("image", containers=[{"name": "c", "image": "x" * 200_000}]),
        deployment("containers", containers=containers),
        deployment("ports", containers=[{**containers[0], "ports": ports}]),
        deployment("dearest", containers=dearest, initContainers=dearest),
        custom("RayCluster.ray.io", spec={"workerGroupSpecs": [group] * 49}),
        custom("SeldonDeployment.machinelearning.seldon.io", spec={"predictors": [predictor] * 500}),
        custom("Workflow.argoproj.io", spec={"templates": [{"container": containers[0]}] * 5000}),
        custom("ClusterRole.rbac.authorization.k8s.io", rules=[creates] * 1000),
        custom("Role.rbac.authorization.k8s.io", rules=[reads] * 50),
    ]
    for number, obj in enumerate(large):
        answer = recorder.create(named(obj, f"large{number}"))
        assert answer.status == 201 or is_invalid(answer), answer.body
    assert recorder.missed_of([]) == ([], len(recorder.sent))


def test_no_condition_fails_at_an_object_of_an_odd_shape(recorder: Recorder) -> None:
    """Some are invalid, and then the API server says so and not that an expression failed."""
    ray, role = "RayCluster.ray.io", "Role.rbac.authorization.k8s.io"
    specs: tuple[Any, ...] = (None, [], "x", 0, {"headGroupSpec": None})
    shapes = [
        *(custom(ray, spec=spec) for spec in specs),
        *(custom(ray, metadata={"name": "x", key: None}) for key in ("annotations", "ownerReferences", "labels")),
        custom("ClusterWorkflowTemplate.argoproj.io", metadata=None),
        *(custom(kind, metadata={"generateName": "x-"}) for kind in KINDS),
        *(custom(kind) for kind in KINDS),
        *(custom("PodTemplate", template=template) for template in (None, {}, {"spec": {"containers": None}})),
        custom("Pod", spec={"containers": None}),
        *(custom(role, rules=rules) for rules in (None, [], [None], [{"verbs": None, "resources": ["notebooks"]}])),
        custom("PersistentVolumeClaim", spec=None),
    ]
    for shape in shapes:
        answer = recorder.create(shape)
        assert answer.status in {201, 403} or is_invalid(answer), answer.body
        assert "expression" not in str(answer.body.get("message"))
    assert recorder.missed_of([]) == ([], len(recorder.sent))


def custom(kind: str, **fields: Any) -> Object:
    name, _, group = kind.partition(".")
    return {"apiVersion": f"{group}/v1".removeprefix("/"), "kind": name, "metadata": {"name": "x"}, **fields}


def is_invalid(answer: Response) -> bool:
    return answer.status in {400, 422}
