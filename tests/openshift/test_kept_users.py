"""The rule `user-namespace` on every release and example: which SCC admits the pods, and how many keep their user.

Without nodes: that such a pod also runs is not seen here. `--update-rows` writes docs/evidence/user-namespaces.json,
which docs/user-namespaces.md quotes.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.rig.cluster import running, wait
from tests.rig.oracle import ask
from tests.support import evidence, upstream
from tests.support.installed import OPTED_IN, deployment, install, namespace
from tests.support.server import Server, serving
from webhook.admission import engine
from webhook.admission.review import request_for_manifest
from webhook.manifests import reader
from webhook.objects.model import Object, UnknownShape
from webhook.offline import check
from webhook.scc import ranges
from webhook.scc.defaults import SCCS
from webhook.scc.grants import Grants
from webhook.settings.model import Settings

pytestmark = pytest.mark.timeout(900)

STARTED = time.time()
COMMAND = "pytest --rig=required --update-rows tests/openshift/test_kept_users.py"
EVERYONE = ("restricted-v2", "restricted-v3")
ON = Settings(everyone=EVERYONE, rules={"user-namespace": True})
OFF = Settings(everyone=EVERYONE)
INSTALLED = ("kubeflow-0.7-served", "kubeflow-1.8", "kubeflow-1.9", "kubeflow-1.10", "kubeflow-26.03")
FOLDERS = (*INSTALLED, "kubeflow-26.03-alternates", "odh-0.7-openshift", "examples", "more-examples")
BLOCK, LEVEL = "1000650000/10000", "s0:c26,c5"
NAMESPACE = {"name": "demo", "annotations": {ranges.UID_RANGE: BLOCK, ranges.GROUPS: BLOCK, ranges.LEVEL: LEVEL}}
SEEN: dict[str, Any] = {"installed": {}, "templates": {}}


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the webhook with the rule on, at an address of its own."""
    config = tmp_path_factory.mktemp("config") / "config.yaml"
    config.write_text("everyone: [restricted-v2, restricted-v3]\nrules: {user-namespace: true}\n")
    host = "127." + ".".join(str(random.SystemRandom().randint(1, 254)) for _ in range(3))
    with serving("--config", str(config), host=host, port=8443) as server:
        yield server


def folder(name: str) -> Path:
    path = upstream.FOLDER / name
    if not path.is_dir():
        pytest.skip(f"{path} is not there: UPSTREAM_MANIFESTS names the folder with upstream's manifests")
    return path


def weaker(after: str | None, before: str | None) -> bool:
    """Check whether an SCC admits more than the one before, or none admits what one admitted."""
    known = [upstream.WEAKNESS.index(scc) if scc else len(upstream.WEAKNESS) for scc in (after, before)]
    return known[0] > known[1]


@pytest.mark.parametrize("release", INSTALLED)
def test_a_release_is_admitted_and_no_pod_by_a_weaker_scc(
    release: str, rig: None, keeper: Server, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    if release != INSTALLED[-1] and not pytestconfig.getoption("--update-rows"):
        pytest.skip("a minute for each older release: only with --update-rows")
    documents = list(reader.read([str(folder(release))]))
    without, wanted = (
        upstream.named(list(check.check(documents, settings, check.Cluster(Grants(everyone=EVERYONE)))), "after")
        for settings in (OFF, ON)
    )
    with running(tmp_path / "rig", mode="like-4.20") as cluster:
        install(cluster, keeper)
        objects = upstream.read(folder(release))
        saved = upstream.install_all(cluster, objects)
        assert {**dict.fromkeys(saved.refused), **saved.admitted} == wanted
        assert [key for key, scc in wanted.items() if weaker(scc, without[key])] == []
        before = upstream.generations(cluster)
        upstream.install_all(cluster, objects)
        assert upstream.generations(cluster) == before
    by_scc = Counter(saved.admitted.values())
    print(f"{release}: {len(wanted)} workloads, {dict(by_scc)}, {len(saved.refused)} refused")
    SEEN["installed"][release] = {"workloads": len(wanted), **dict(sorted(by_scc.items()))}


def test_a_notebook_keeps_its_user_whatever_its_controller_writes(rig: None, keeper: Server, tmp_path: Path) -> None:
    """The controller replaces the pod spec on every reconcile, and knows neither hostUsers nor the user."""
    spec = {"securityContext": {"fsGroup": 100}, "containers": [{"name": "main", "image": "jupyter/x-notebook"}]}
    wanted = {**deployment("web", **spec), "kind": "StatefulSet"}
    with running(tmp_path / "rig", mode="like-4.20") as cluster:
        install(cluster, keeper)
        where = namespace(cluster, "team", **OPTED_IN)
        path = f"/apis/apps/v1/namespaces/{where}/statefulsets"
        generations = {cluster.make(path, wanted)["metadata"]["generation"]}
        for _ in range(3):
            stored = cluster.request("GET", f"{path}/web").body
            del stored["metadata"]["resourceVersion"]  # the status moves it meanwhile
            stored["spec"]["template"]["spec"] = wanted["spec"]["template"]["spec"]
            generations.add(cluster.request("PUT", f"{path}/web", stored).body["metadata"]["generation"])
        assert generations == {1}
        body = deployment("none", hostUsers=False)
        (warning,) = cluster.request("POST", f"/apis/apps/v1/namespaces/{where}/deployments?dryRun=All", body).warnings
        assert "restricted-v2 is asked first" in warning
        created = wait(lambda: cluster.request("GET", f"/api/v1/namespaces/{where}/pods").body["items"], "pod")[0]
    assert created["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v3"
    assert created["spec"]["hostUsers"] is False
    assert created["spec"]["containers"][0]["securityContext"]["runAsUser"] == 1000
    assert created["spec"]["securityContext"]["fsGroup"] == 1000
    assert [next(key for key in each if key != "name") for each in created["spec"]["volumes"]] == ["projected"]


def pods(documents: list[reader.Document], settings: Settings) -> Iterator[Object]:
    """Yield the Pod of each pod template, as the webhook leaves it."""
    for _, obj in (each for document in documents for each in document.objects()):
        request = replace(request_for_manifest(obj), namespace="team")
        try:
            templates = list(check.pod_templates(obj, request.kind, settings))
            left = engine.evaluate(request, settings).object or obj
            for at, shape, parts in templates:
                for pod, _ in check.as_pods(left, at, shape, settings, parts):
                    pod["metadata"]["name"] = "p"
                    yield pod
        except UnknownShape:
            continue


@pytest.mark.parametrize("name", FOLDERS)
def test_openshifts_own_code_admits_no_template_by_a_weaker_scc(name: str, rig: None) -> None:
    documents = [each for each in reader.read([str(folder(name))]) if "crds" not in each.file]
    sccs = [SCCS[scc] for scc in EVERYONE]
    answers = [
        [answer["admittedBy"] for answer in ask([{"namespace": NAMESPACE, "sccs": sccs, "pods": made}])]
        for made in (list(pods(documents, settings)) for settings in (OFF, ON))
    ]
    assert [pair for pair in zip(*answers, strict=True) if weaker(pair[1], pair[0])] == []
    by_scc = Counter(scc or "none" for scc in answers[1])
    print(f"{name}: {len(answers[1])} templates, {dict(by_scc)}")
    SEEN["templates"][name] = {"templates": len(answers[1]), **dict(sorted(by_scc.items()))}


def test_what_is_seen_is_what_the_evidence_says(rig: None, request: pytest.FixtureRequest) -> None:
    if SEEN["installed"].keys() != {*INSTALLED} or SEEN["templates"].keys() != {*FOLDERS}:
        pytest.skip("not all of upstream's folders were tried")
    if request.config.getoption("--update-rows"):
        evidence.write("user-namespaces", COMMAND, STARTED, SEEN)
    assert json.loads((evidence.FOLDER / "user-namespaces.json").read_text())["figures"] == SEEN
