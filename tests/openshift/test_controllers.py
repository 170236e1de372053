"""Kubeflow's own controllers work with the webhook: their pods run, and their repeated writes change nothing.

NOTEBOOK_CONTROLLER and PROFILE_CONTROLLER name their binaries, 0.7 to 1.10, which speak to the rig alone.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig.cluster import Cluster, running, wait
from tests.rig.components import reach
from tests.rig.processes import start
from tests.support.installed import OPTED_IN, crd, install, namespace, refusals, serve
from tests.support.notebooks import notebook, settled
from tests.support.server import Server

TOUCHES = 10
QUIET = 15  # seconds without a touch, in which a storm would show
EACH = 4  # reviews for a touch, at most: 1.10 also writes the time into the Notebook, which is one reconcile more

NOTEBOOK, PROFILE = "notebook-controller", "profile-controller"
GIVEN: dict[str, dict[str, Any]] = {"plain": {}, "pinned": {"securityContext": {"fsGroup": 100, "runAsUser": 1000}}}
WRITES = {"level": "Metadata", "verbs": ["update", "patch"], "omitStages": ["RequestReceived"]}
AUDIT = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [WRITES]}
SERVED = (  # kind, plural, scope, group, version beside v1
    ("Notebook", "notebooks", "Namespaced", "kubeflow.org", "v1beta1"),
    ("Profile", "profiles", "Cluster", "kubeflow.org", "v1beta1"),
    ("AuthorizationPolicy", "authorizationpolicies", "Namespaced", "security.istio.io", "v1beta1"),
    ("ServiceRole", "serviceroles", "Namespaced", "rbac.istio.io", "v1alpha1"),
    ("ServiceRoleBinding", "servicerolebindings", "Namespaced", "rbac.istio.io", "v1alpha1"),
)
NEEDS_NOTEBOOK, NEEDS_PROFILE = (
    pytest.mark.skipif(not os.environ.get(variable), reason=f"{variable} does not name a controller's binary.")
    for variable in ("NOTEBOOK_CONTROLLER", "PROFILE_CONTROLLER")
)


@pytest.fixture(scope="module")
def kubeflow(rig: None, webhook: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start the controllers that are named, on a cluster of their own: they take every Notebook and Profile."""
    folder = tmp_path_factory.mktemp("controllers")
    folder.joinpath("policy").write_text(json.dumps(AUDIT))
    audit = (f"--audit-policy-file={folder / 'policy'}", f"--audit-log-path={folder / 'audit'}")
    with running(folder, apiserver_args=audit) as cluster:
        for kind, plural, scope, group, version in SERVED:
            body = crd(kind, plural, scope)
            body["metadata"]["name"] = f"{plural}.{group}"
            stored = {**body["spec"]["versions"][0], "subresources": {"status": {}}}
            body["spec"] |= {"group": group, "versions": [stored, {**stored, "name": version, "storage": False}]}
            serve(cluster, body)
        for name in (NOTEBOOK, PROFILE):
            if binary := os.environ.get(name.upper().replace("-", "_")):
                launch(cluster, name, Path(binary))
        if os.environ.get("PROFILE_CONTROLLER"):
            make_profile(cluster, "before-us")
        install(cluster, webhook)
        yield cluster


def launch(cluster: Cluster, name: str, binary: Path) -> None:
    """Start a controller with an empty environment and no port; the rig ends it with its own programs."""
    program, labels = cluster.directory / name, cluster.directory / "namespace-labels.yaml"
    program.symlink_to(binary.absolute())  # the audit log knows it by this name
    labels.write_text(json.dumps({"app.kubernetes.io/part-of": "kubeflow-profile"}))
    usage = subprocess.run([program, "--help"], capture_output=True, text=True, env={}, timeout=30, check=False).stderr
    wanted = {"(metrics|probe).*addr": "0", "leader-elect(ion)?$": "false", "namespace-labels-path": str(labels)}
    flags = re.findall(r"^\s+-([a-z-]+)", usage, re.MULTILINE)
    arguments = [f"--{flag}={value}" for which, value in wanted.items() for flag in flags if re.search(which, flag)]
    assert any("metrics" in argument for argument in arguments), f"{binary} has no flag against its metrics: {usage}"
    start(cluster.directory, program, [f"--kubeconfig={cluster.kubeconfig}", *arguments], {})


def patch(cluster: Cluster, path: str, body: dict[str, Any]) -> None:
    answer = cluster.request("PATCH", path, body, content_type="application/merge-patch+json")
    assert answer.status == 200, answer.body


def touch(cluster: Cluster, path: str) -> None:
    """Write an annotation that means nothing, and leave the controller time to reconcile."""
    patch(cluster, path, {"metadata": {"annotations": {"notebook-touched": str(time.monotonic())}}})
    time.sleep(0.3)


def counts(cluster: Cluster, webhook: Server, path: str) -> tuple[int, int]:
    """Count, from the logs, the updates of an object that controllers sent, and the answered reviews of it."""
    where, _, rest = path.partition("/namespaces/")[2].partition("/")
    kind, name = ("StatefulSet.apps", rest.rpartition("/")[2]) if rest else ("Namespace", where)
    requests = map(json.loads, (cluster.directory / "audit").read_text().splitlines())
    sent = [each for each in requests if each["requestURI"] == path and "-controller/" in each.get("userAgent", "")]
    asked = (f'"kind":"{kind}"', f'"namespace":"{where}"', f'"name":"{name}"')
    return len(sent), sum(all(part in line for part in asked) for line in webhook.log.read_text().splitlines())


def stays(cluster: Cluster, webhook: Server, path: str, touched: str) -> int:
    """Have an object reconciled again and again, and then not; return how many updates its controller sent."""
    time.sleep(1)  # managedFields are in order of seconds: a write back that only moves its own entry there counts once
    touch(cluster, touched)
    before, start = settled(cluster, path), counts(cluster, webhook, path)
    for _ in range(TOUCHES):
        touch(cluster, touched)
    busy = counts(cluster, webhook, path)
    time.sleep(QUIET)
    after, quiet = cluster.request("GET", path).body, counts(cluster, webhook, path)
    versions = [each["metadata"]["resourceVersion"] for each in (before, after)]
    print(f"\n{path}: versions {versions}, (updates, reviews) at first, touched, {QUIET} s on: {start} {busy} {quiet}")
    assert after == before
    assert busy[1] - start[1] <= EACH * TOUCHES
    assert quiet[1] - busy[1] <= EACH  # what was under way, and 0.7 looks once a minute; a storm is hundreds
    return quiet[0] - start[0]


def make_notebook(cluster: Cluster, where: str, name: str, **pod_spec: Any) -> str:
    cluster.make(f"/apis/kubeflow.org/v1/namespaces/{where}/notebooks", notebook(name, **pod_spec))
    path = f"/apis/apps/v1/namespaces/{where}/statefulsets/{name}"
    reach(cluster.directory, NOTEBOOK, f"StatefulSet {name}", lambda: cluster.request("GET", path).status == 200)
    return path


def make_profile(cluster: Cluster, name: str) -> str:
    """Create a Profile, wait for the last that its controller makes of it, and return the path of its namespace."""
    owner = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": f"{name}@example.com"}
    body = {"apiVersion": "kubeflow.org/v1", "kind": "Profile", "metadata": {"name": name}, "spec": {"owner": owner}}
    cluster.make("/apis/kubeflow.org/v1/profiles", body)
    last = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/rolebindings/namespaceAdmin"
    reach(cluster.directory, PROFILE, f"RoleBinding in {name}", lambda: cluster.request("GET", last).status == 200)
    return f"/api/v1/namespaces/{name}"


def run(cluster: Cluster, path: str) -> None:
    """Wait for the pod of a StatefulSet, which restricted-v2 admits, and say of it what a kubelet would."""
    name = path.rpartition("/")[2]
    pod = path.replace("/apis/apps/v1", "/api/v1").replace(f"/statefulsets/{name}", f"/pods/{name}-0")
    wait(lambda: cluster.request("GET", pod).status == 200, f"pod of {path}")
    assert cluster.request("GET", pod).body["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"
    runs = {"name": name, "image": "example", "imageID": "", "ready": True, "restartCount": 0, "state": {"running": {}}}
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [runs]}
    patch(cluster, f"{pod}/status", {"status": {"phase": "Running", **ready}})
    wait(lambda: cluster.request("GET", path).body["status"].get("readyReplicas"), f"readiness of {path}")


@NEEDS_NOTEBOOK
@pytest.mark.parametrize("name", GIVEN)
def test_a_notebook_runs_and_its_controller_moves_nothing(kubeflow: Cluster, webhook: Server, name: str) -> None:
    where = namespace(kubeflow, f"notebook-{name}", **OPTED_IN)
    path = make_notebook(kubeflow, where, name, **GIVEN[name])
    run(kubeflow, path)
    assert stays(kubeflow, webhook, path, f"/apis/kubeflow.org/v1/namespaces/{where}/notebooks/{name}") > 0
    stored = kubeflow.request("GET", path).body
    assert not {"fsGroup", "runAsUser"} & stored["spec"]["template"]["spec"]["securityContext"].keys()
    assert stored["metadata"]["generation"] == 1
    assert refusals(kubeflow, where) == []


@NEEDS_NOTEBOOK
def test_a_notebook_is_refused_without_us_and_saved_by_its_next_reconcile(kubeflow: Cluster, webhook: Server) -> None:
    """Its Notebook is never written after the installation: each reconcile of the controller restores fsGroup 100."""
    where = namespace(kubeflow, "notebook-refused")
    path = make_notebook(kubeflow, where, "older")
    assert "100 is not an allowed group" in wait(lambda: refusals(kubeflow, where), "refusal of the pod")[0]
    assert counts(kubeflow, webhook, path)[1] == 0
    patch(kubeflow, f"/api/v1/namespaces/{where}", {"metadata": {"labels": OPTED_IN}})
    service = f"/api/v1/namespaces/{where}/services/older"

    def saved() -> bool:
        touch(kubeflow, service)
        return "fsGroup" not in kubeflow.request("GET", path).body["spec"]["template"]["spec"]["securityContext"]

    wait(saved, "StatefulSet without fsGroup")
    run(kubeflow, path)
    assert stays(kubeflow, webhook, path, service) > 0
    assert kubeflow.request("GET", path).body["metadata"]["generation"] == 2


@NEEDS_PROFILE
def test_a_profiles_namespace_loses_the_label_for_good(kubeflow: Cluster, webhook: Server) -> None:
    path = make_profile(kubeflow, "ada")
    stays(kubeflow, webhook, path, "/apis/kubeflow.org/v1/profiles/ada")
    made = kubeflow.request("GET", path).body["metadata"]
    assert "istio-injection" not in made["labels"]
    accounts = kubeflow.request("GET", f"{path}/serviceaccounts").body["items"]
    assert {"default-editor", "default-viewer"} <= {account["metadata"]["name"] for account in accounts}
    before_us = kubeflow.request("GET", "/api/v1/namespaces/before-us").body["metadata"]
    assert before_us["labels"]["istio-injection"] == "enabled"


@NEEDS_NOTEBOOK
@NEEDS_PROFILE
def test_a_notebook_runs_in_a_profiles_namespace_as_its_editor(kubeflow: Cluster) -> None:
    make_profile(kubeflow, "cleo")
    run(kubeflow, make_notebook(kubeflow, "cleo", "hers", serviceAccountName="default-editor"))
