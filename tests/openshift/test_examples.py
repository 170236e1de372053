"""What users submit: every example through the rig, and pods made of what is stored as its controller makes them."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig.cluster import Cluster, running, wait
from tests.support import upstream
from tests.support.cases import FIXTURES, Case
from tests.support.installed import OPTED_IN, install, with_accounts
from tests.support.made import pods
from tests.support.server import Server
from webhook.manifests import reader
from webhook.objects.model import Object, UnknownShape
from webhook.offline.check import pod_templates
from webhook.scc.admission import judge
from webhook.scc.defaults import SCCS
from webhook.scc.ranges import of_namespace
from webhook.settings.model import Settings
from webhook.workloads.find import find_pod_specs
from webhook.workloads.kinds import kind_of

FOLDER = upstream.FOLDER / "examples"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "crds.yaml")
WITHOUT, WITH = "examples-without", "examples-with"
WITHOUT_PODS = (
    "experiment-v1alpha3",  # text
    *("poddefault-26.03", "profile-0.7", "profile-1.10"),  # make none
    "pvcviewer-1.10",  # names a claim; its controller's own defaults make the pod, a Deployment
    "trainjob-26.03",  # names a runtime, which is rewritten itself
)
FROM_TEMPLATES = (
    "run-as-user/drops-it-from-spark-connect",
    "run-as-user/drops-it-from-the-templates-of-a-spark-application",
    "run-as-user/drops-it-from-the-autoscaler-of-a-ray-cluster",
    "run-as-user/drops-it-from-the-explainer-of-seldon",
)
"""Pods, and containers of pods, that an object has beside those that its kind is known for."""
CLUSTER_WIDE = ("ClusterTrainingRuntime", "WorkspaceKind", "Profile", "PersistentVolume")


@pytest.fixture(scope="module")
def cluster(rig: None, webhook: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a cluster of its own: the examples bring other versions of kinds that other tests serve too."""
    with running(tmp_path_factory.mktemp("rig-examples")) as own:
        install(own, webhook)
        yield own


@pytest.fixture(scope="module")
def spaces(cluster: Cluster) -> str:
    """Serve every kind of the examples, and create a namespace without the webhook and one with it."""
    if not FOLDER.is_dir():
        pytest.skip(f"{FOLDER} is not there: UPSTREAM_MANIFESTS names the folder with upstream's manifests")
    kinds = [obj for _, obj in objects(FOLDER / "crds.yaml")]
    newer = objects(upstream.FOLDER / "kubeflow-26.03/crds.yaml")
    kinds += [obj for _, obj in newer if obj["spec"]["names"]["kind"] == "SparkConnect"]
    upstream.apply(cluster, kinds, "--server-side", "--force-conflicts")
    with_accounts(cluster, WITHOUT)
    return with_accounts(cluster, WITH, **OPTED_IN)


def objects(path: Path) -> Iterator[tuple[Any, Object]]:
    for document in reader.read([str(path)]):
        yield from document.objects()


def stored(cluster: Cluster, obj: Object, where: str) -> Object:
    """Create an object in a namespace and return it as it was stored."""
    obj = copy.deepcopy(obj)
    obj["metadata"].pop("namespace", None)
    if "name" not in obj["metadata"]:
        obj["metadata"]["name"] = obj["metadata"].pop("generateName") + "0"
    group, _, version = obj["apiVersion"].rpartition("/")
    plural = wait(lambda: resource(cluster, obj), f"resource of {obj['kind']}")
    space = "" if obj["kind"] in CLUSTER_WIDE else f"namespaces/{where}/"
    return cluster.make(f"/{f'apis/{group}' if group else 'api'}/{version}/{space}{plural}", obj)


def resource(cluster: Cluster, obj: Object) -> str:
    """Return the plural by which the API server serves an object's kind."""
    version = obj["apiVersion"]
    served = cluster.request("GET", f"/{'apis' if '/' in version else 'api'}/{version}").body.get("resources", ())
    return next((str(each["name"]) for each in served if each["kind"] == obj["kind"] and "/" not in each["name"]), "")


def create(cluster: Cluster, where: str, spec: Object) -> Any:
    """Create a pod as a controller's service account, without what needs other objects: SCC does not judge that."""
    for key in ("serviceAccountName", "serviceAccount", "priorityClassName", "runtimeClassName"):
        spec.pop(key, None)
    body = {"metadata": {"name": "it"}, "spec": {key: value for key, value in spec.items() if value is not None}}
    user = f"system:serviceaccount:{where}:default"
    answer = cluster.request("POST", f"/api/v1/namespaces/{where}/pods?dryRun=All", body, user=user)
    ranges = of_namespace(cluster.request("GET", f"/api/v1/namespaces/{where}").body)
    judged = judge(body, [SCCS["restricted-v2"]], ranges)  # the model of SCC says the same without a cluster
    assert (judged.admitted_by == "restricted-v2") == (answer.status == 201), (judged.refusals, answer.body)
    return answer


def admitted(cluster: Cluster, spaces: str, sent: Object, saved: Object) -> Iterator[int]:
    """Create the pods of an object as it was saved, which restricted-v2 must admit; yield the status of each before."""
    for at, shape, parts in pod_templates(saved, kind_of(saved["apiVersion"], saved["kind"]), Settings()):
        both = ((WITHOUT, sent), (spaces, saved))
        made = [[(where, each["spec"]) for each in pods(obj, at, shape, parts)] for where, obj in both]
        before, after = ([create(cluster, where, spec) for where, spec in each] for each in made)
        for answer in after:
            assert answer.status == 201, (at, answer.body)
            assert answer.body["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"
        status = max(answer.status for answer in before)
        print(f"{saved['kind']} {'.'.join(map(str, at))}: {status} before, 201 after")
        yield status


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_pods_of_an_example_are_admitted_by_restricted_v2(
    cluster: Cluster, spaces: str, show: Callable[..., None], path: Path
) -> None:
    found, statuses = 0, set()
    for _, obj in objects(path):
        if obj["kind"] == "Service":
            continue
        sent = obj if obj["kind"] in CLUSTER_WIDE else stored(cluster, obj, WITHOUT)
        saved = stored(cluster, obj, spaces)
        kind = kind_of(obj["apiVersion"], obj["kind"])
        if obj["apiVersion"] == "kubeflow.org/v1alpha3":  # its trials are Go templates, text until Katib fills them in
            with pytest.raises(UnknownShape):
                list(find_pod_specs(saved, kind))
            continue
        for before in admitted(cluster, spaces, sent, saved):
            found += 1
            statuses.add(before)
    assert found or path.stem in WITHOUT_PODS
    if found:
        without = "pods refused" if 403 in statuses else "pods admitted"
        show("N5", f"{path.stem}: {found} pod specs", "kubectl create", without, "pods admitted by restricted-v2")


@pytest.mark.parametrize("case", FROM_TEMPLATES)
def test_pods_of_other_templates_were_rejected_and_are_admitted(cluster: Cluster, spaces: str, case: str) -> None:
    obj = Case(FIXTURES / case).document().value
    found = list(admitted(cluster, spaces, *(stored(cluster, obj, where) for where in (WITHOUT, spaces))))
    assert 403 in found
