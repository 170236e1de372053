"""`check` is true: what it says of an object is what SCC and the webhook do, pod by pod, before and after."""

import copy
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.properties.random_workloads import workload
from tests.rig.cluster import running
from tests.support import upstream
from tests.support.installed import OPTED_IN, install, namespace
from tests.support.judged import WITH_PODS, Both, Invalid, model
from tests.support.server import Server
from webhook.manifests import reader
from webhook.objects.model import Object, UnknownShape
from webhook.offline.check import PROFILE_LABELS, TemplateVerdict
from webhook.scc.ranges import LEVEL, UID_RANGE, parse_range
from webhook.workloads.kinds import KINDS, kind_of

pytestmark = pytest.mark.timeout(1200)

FOLDERS = sorted(path.name for path in upstream.FOLDER.glob("*") if path.is_dir())
NAMESPACES: dict[str, dict[str, str]] = {
    "kubeflow": {},
    "kserve": {},
    "opted-in": OPTED_IN,
    "profile": dict(PROFILE_LABELS),
    "opted-out": {"kubeflow-openshift": "disabled"},
    "plain": {},
    "openshift-platform": OPTED_IN,
    "kube-platform": OPTED_IN,
}
GRANTED = {"trusted": "anyuid", "other": "hostmount-anyuid"}
RBAC = {f"{scope}{kind}": f"{scope}{kind}s".lower() for scope in ("", "Cluster") for kind in ("Role", "RoleBinding")}
AUTHORIZATION = "rbac.authorization.k8s.io"
MAY_GRANT = r"Binding|securitycontextconstraints|\*"
"""In the text of each role and binding that may allow an account to use an SCC."""
INVALID = {"kubeflow-0.7": 1}
"""Workloads that the API server does not accept any more: a Deployment without a selector."""
SCCS = "/apis/security.openshift.io/v1/securitycontextconstraints"
Reviewed = Callable[[], set[tuple[str, str, str]]]


@pytest.fixture(scope="module")
def both(rig: None, webhook: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Start a cluster without the webhook and one with it, which serve the same kinds."""
    with (
        running(tmp_path_factory.mktemp("rig-check-before")) as before,
        running(tmp_path_factory.mktemp("rig-check-after")) as after,
    ):
        found = Both(before, after)
        folders = [reader.read([str(upstream.FOLDER / name)]) for name in FOLDERS]
        objects = [obj for folder in folders for document in folder for _, obj in document.objects()]
        kinds = [(kind_of(obj["apiVersion"], obj["kind"]), obj["apiVersion"].rpartition("/")[2]) for obj in objects]
        found.serve(kinds)
        install(after, webhook)
        yield found


@pytest.fixture
def reviewed(webhook: Server) -> Reviewed:
    """Return a function that returns kind, namespace and name of each object that the webhook was asked about."""
    earlier = len(webhook.reviews())
    return lambda: {(each["kind"], each["namespace"], each["name"]) for each in webhook.reviews()[earlier:]}


def space(both: Both, name: str, labels: dict[str, str]) -> Object:
    """Make a namespace in both clusters, tell `check` of it, and return it."""
    for cluster in (both.before, both.after):
        if cluster.request("GET", f"/api/v1/namespaces/{name}").status != 200:
            namespace(cluster, name, **labels)
    found: Object = both.after.request("GET", f"/api/v1/namespaces/{name}").body
    both.tell([{**found, "kind": "Namespace", "apiVersion": "v1"}])
    return found


@dataclass(slots=True)
class Comparison:
    """What `check` says beside what happens."""

    both: Both
    seen: Counter[str] = field(default_factory=Counter)
    invalid: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    said: list[TemplateVerdict] = field(default_factory=list)

    def add(self, obj: Object, where: str) -> None:
        """Compare the verdicts on each pod of an object in a namespace."""
        self.both.model.default_namespace = where
        said, unjudged = self.both.said(obj), len(self.both.model.not_judged)
        try:
            by_path = {each.path.removesuffix("/spec"): each for each in said}
            for at, happened in self.both.happens(obj, where):
                says = by_path[at.removesuffix("/spec")]
                self.seen[", ".join("rejected" if scc is None else "admitted" for scc in happened)] += 1
                for scc, verdict in zip(happened, (says.before, says.after), strict=True):
                    several = scc is not None and "+" in scc  # pods of a workflow
                    if (verdict.admitted_by is None) if several else scc != verdict.admitted_by:
                        self.wrong.append(f"{where} {at}: {happened}, said {verdict} of {json.dumps(obj)}")
        except Invalid as why:
            self.invalid.append(f"{obj['kind']}: {why}")
        except UnknownShape:
            assert not said
            assert unjudged
        self.said += said

    def end(self, reviewed: set[tuple[str, str, str]], invalid: int = 0) -> None:
        """Check that all was the same, and that the webhook was asked about what `check` says, and nothing else."""
        print(dict(self.seen), f"{len(self.invalid)} invalid")
        assert not self.wrong, "\n".join(self.wrong[:10])
        assert len(self.invalid) == invalid, "\n".join(self.invalid[:10])
        for each in self.said:
            was = (each.kind, each.namespace, each.name) in reviewed
            assert was <= each.asked, each
            assert was >= bool(each.findings), each
        assert self.seen


def test_random_workloads_in_random_namespaces(
    both: Both, reviewed: Reviewed, seed: int, request: pytest.FixtureRequest
) -> None:
    dice, compared = random.Random(seed), Comparison(both)
    spaces = {name: space(both, name, labels) for name, labels in NAMESPACES.items()}
    for name in spaces:
        for account, scc in GRANTED.items():
            grant(both, name, account, scc)
    for number in range(request.config.getoption("--workloads")):
        where, kind = dice.choice(list(NAMESPACES)), dice.choice(WITH_PODS)
        annotations = spaces[where]["metadata"]["annotations"]
        obj = workload(dice, kind, f"it-{number}", parse_range(annotations[UID_RANGE])[0], annotations[LEVEL])
        if KINDS[kind].namespaced:
            obj["metadata"]["namespace"] = where
        compared.add(obj, where)
    compared.end(reviewed())


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_workload_of_upstream(both: Both, reviewed: Reviewed, folder: str) -> None:
    objects = [
        copy.deepcopy(obj) for document in reader.read([str(upstream.FOLDER / folder)]) for _, obj in document.objects()
    ]
    both.model = model()
    labels = {
        obj["metadata"]["name"]: obj["metadata"].get("labels") or {} for obj in objects if obj["kind"] == "Namespace"
    }
    names = {obj["metadata"].get("namespace", "kubeflow") for obj in objects} | labels.keys()
    for name in sorted(names):
        kept = {key: value for key, value in labels.get(name, {}).items() if "pod-security" not in key}
        space(both, name, kept)
    compared = Comparison(both)
    grants = [complete(obj) for obj in objects if obj["kind"] in RBAC]
    sccs = [obj for obj in objects if obj["kind"] == "SecurityContextConstraints"]
    with granted(both, [*sccs, *(obj for obj in grants if re.search(MAY_GRANT, json.dumps(obj)))]):
        both.tell([*sccs, *grants, *(obj for obj in objects if obj["kind"] == "Profile")])
        for obj in objects:
            if kind_of(obj["apiVersion"], obj["kind"]) in WITH_PODS:
                compared.add(obj, obj["metadata"].get("namespace", "kubeflow"))
    compared.end(reviewed(), INVALID.get(folder, 0))


def complete(obj: Object) -> Object:
    """Return a role or binding with the namespaces that an installer fills in."""
    obj = copy.deepcopy(obj)
    if "Cluster" not in obj["kind"]:
        obj["metadata"].setdefault("namespace", "kubeflow")
    for subject in obj.get("subjects") or ():
        if subject["kind"] == "ServiceAccount":
            subject.setdefault("namespace", "kubeflow")
    return obj


@contextmanager
def granted(both: Both, objects: list[Object]) -> Iterator[None]:
    """Create SCCs, roles and bindings in both clusters, and delete them at the end."""
    made = []
    for obj in objects:
        path, body = SCCS, obj
        if obj["kind"] in RBAC:
            where = f"namespaces/{obj['metadata']['namespace']}/" if "Cluster" not in obj["kind"] else ""
            path = f"/apis/{AUTHORIZATION}/v1/{where}{RBAC[obj['kind']]}"
            body = {**obj, "apiVersion": f"{AUTHORIZATION}/v1"}
        for cluster in (both.before, both.after):
            answer = cluster.request("POST", path, body)
            assert answer.status in {201, 409}, answer.body
            if answer.status == 201:
                made.append((cluster, f"{path}/{obj['metadata']['name']}"))
    time.sleep(1)  # until SCC sees them
    try:
        yield
    finally:
        for cluster, path in made:
            cluster.request("DELETE", path)


def grant(both: Both, where: str, account: str, scc: str) -> None:
    """Allow a service account to use an SCC, in both clusters and for `check`."""
    role = {"apiGroup": AUTHORIZATION, "kind": "ClusterRole", "name": f"system:openshift:scc:{scc}"}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": where}
    binding = {
        "apiVersion": f"{AUTHORIZATION}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{account}-{scc}", "namespace": where},
        "roleRef": role,
        "subjects": [subject],
    }
    for cluster in (both.before, both.after):
        cluster.make(f"/apis/{AUTHORIZATION}/v1/namespaces/{where}/rolebindings", binding)
    both.tell([binding])
