"""The keeper against a real API server: CAs change under load, keepers die, and no admission fails."""

import base64
import datetime as dt
import json
import random
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from certs import authority
from tests.rig.cluster import Cluster, running, wait
from tests.support.installed import CONFIGURATIONS, deployed
from tests.support.kept import REGISTERED, SECRET, WRITES, Kept, command, keeping, kept, load, recovered
from tests.support.paths import ROOT

ROTATE = ("rotate", "--ca", "--force", "--settle", "2")
HOST = "kubeflow-openshift.kubeflow-openshift.svc"


@pytest.fixture(scope="module")
def own(rig: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("kept")
    host = "127." + ".".join(str(random.SystemRandom().randint(1, 254)) for _ in range(3))
    with running(folder / "rig") as cluster, kept(cluster, folder / "serving", host) as kept_:
        yield kept_


def bundle(cluster: Cluster) -> set[str]:
    webhooks = cluster.request("GET", REGISTERED).body["webhooks"]
    return {webhook["clientConfig"].get("caBundle", "") for webhook in webhooks}


def served(own: Kept) -> str:
    return ssl.get_server_certificate((own.server.host, own.server.port))


@pytest.mark.parametrize("keepers", [2, 5])
def test_the_ca_changes_under_load_while_keepers_race_and_nothing_fails(own: Kept, keepers: int) -> None:
    changed = set()
    with load(own) as admissions:
        for _ in range(3 if keepers == 2 else 1):
            racing = [
                subprocess.Popen(command(own.cluster, own.out, *ROTATE), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                for _ in range(keepers)
            ]
            for process in racing:
                _, problem = process.communicate(timeout=90)
                assert process.returncode == 0, problem
            changed.add(served(own))
            assert len(bundle(own.cluster)) == 1
    assert admissions.failures == []
    assert admissions.count > 100
    assert len(changed) == (3 if keepers == 2 else 1)


def test_a_change_of_ca_without_overlap_fails_in_the_same_harness(own: Kept) -> None:
    """The naive way: the caBundle is replaced, and then the new leaf follows.

    The API server opens new connections when a caBundle changes, so it meets the old leaf. In the other order it keeps
    its open connections, and a failure is up to chance.
    """
    with load(own) as admissions:
        for _ in range(10):
            ca = authority.authority("naive", [HOST], 1)
            webhooks = own.cluster.request("GET", REGISTERED).body["webhooks"]
            value = base64.b64encode(ca.certificate_pem()).decode()
            patch = [
                {"op": "add", "path": f"/webhooks/{i}/clientConfig/caBundle", "value": value}
                for i in range(len(webhooks) // 2)  # and where it is written entry by entry
            ]
            own.cluster.request("PATCH", REGISTERED, patch, content_type="application/json-patch+json")
            time.sleep(0.3)
            (own.out / "new").write_bytes(authority.serving(ca, [HOST], 1).pem())
            (own.out / "new").replace(own.out / "serving.pem")
    assert admissions.failures
    assert "x509" in " ".join(admissions.failures)
    assert own.run("ensure", "--once").returncode == 0
    recovered(own, 15)


@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_a_keeper_that_is_killed_at_any_write_leaves_what_the_next_one_goes_on_from(own: Kept, write: int) -> None:
    """Killed after an odd write or before an even one; `python -m tests.reliability rotations` has them all."""
    with load(own) as admissions:
        died = own.run("after" if write % 2 else "before", str(write), *ROTATE, module=("tests.support.killed_keeper",))
        assert died.returncode == -signal.SIGKILL, died.stderr
        begin = time.monotonic()
        finished = own.run(*ROTATE)
        seconds = time.monotonic() - begin
        assert finished.returncode == 0, finished.stderr
    assert admissions.failures == []
    assert seconds < 15


def test_what_is_deleted_or_wiped_comes_back_and_admissions_with_it(own: Kept) -> None:
    with keeping(own, "--settle", "1"):
        before = served(own)
        with load(own) as admissions:
            own.cluster.request("DELETE", SECRET)
            wait(lambda: own.cluster.request("GET", SECRET).body.get("data", {}).get("serving.pem"), "new Secret", 15)
            wait(lambda: served(own) != before, "new certificate", 15)
        assert admissions.failures == []

        registered = own.cluster.request("GET", REGISTERED).body
        for webhook in registered["webhooks"]:
            webhook["clientConfig"]["caBundle"] = ""
        assert own.cluster.request("PUT", REGISTERED, registered).status == 200
        assert recovered(own, 15) < 10

        own.cluster.request("DELETE", REGISTERED)
        own.cluster.make(CONFIGURATIONS, deployed())
        assert recovered(own, 15) < 10

        secret = own.cluster.request("GET", SECRET).body
        secret["data"] = dict.fromkeys(secret["data"], "Z2FyYmFnZQ==")
        with load(own) as admissions:
            assert own.cluster.request("PUT", SECRET, secret).status == 200
            wait(lambda: own.run("show").returncode == 0, "good certificates", 20)
        assert admissions.failures == []


def test_a_leaf_that_has_expired_when_the_keeper_starts_is_replaced(own: Kept) -> None:
    secret = own.cluster.request("GET", SECRET).body
    ca = authority.identity(b"".join(base64.b64decode(secret["data"][key]) for key in ("ca.key", "ca.crt")))
    expired = authority.serving(ca, [HOST], 1, ca.certificate.not_valid_before_utc - dt.timedelta(days=30)).pem()
    secret["data"]["serving.pem"] = base64.b64encode(expired).decode()
    assert own.cluster.request("PUT", SECRET, secret).status == 200
    (own.out / "serving.pem").write_bytes(expired)
    assert own.run("show").returncode == 1
    with keeping(own, "--settle", "60"):
        assert recovered(own, 15) < 15


ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/kubeflow-openshift/roles"
CLUSTER_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"


@pytest.fixture(scope="module")
def account(own: Kept, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a kubeconfig of the keeper's service account, with the rights that deploy/ gives it."""
    access = ROOT / "deploy/components/keeper/access.yaml"
    own.cluster.kubectl("apply", "-f", str(access))
    path = "/api/v1/namespaces/kubeflow-openshift/serviceaccounts/kubeflow-openshift-certificates/token"
    token = own.cluster.make(path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
    config = json.loads(own.cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token["status"]["token"]}
    file = tmp_path_factory.mktemp("account") / "kubeconfig"
    file.write_text(json.dumps(config))
    return file


def test_its_own_rights_are_enough_for_all_that_it_does(own: Kept, account: Path) -> None:
    own.cluster.request("DELETE", SECRET)
    for arguments in (("ensure", "--once"), ROTATE, ("show",)):
        line = command(own.cluster, own.out, *arguments, kubeconfig=account)
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        assert "not allowed" not in done.stdout + done.stderr
        assert arguments[0] == "ensure" or done.returncode == 0
    assert recovered(own, 15) < 15


@pytest.mark.parametrize(
    ("roles", "verb", "said"),
    [
        (ROLES, "get", "not allowed to GET /api/v1/namespaces/kubeflow-openshift/secrets/"),
        (ROLES, "update", "not allowed to PUT /api/v1/namespaces/kubeflow-openshift/secrets/"),
        (ROLES, "create", "not allowed to POST /api/v1/namespaces/kubeflow-openshift/secrets"),
        (CLUSTER_ROLES, "get", "not allowed to GET /apis/admissionregistration.k8s.io/v1/mutatingwebhook"),
        (CLUSTER_ROLES, "patch", "not allowed to PATCH /apis/admissionregistration.k8s.io/v1/mutatingwebhook"),
    ],
)
def test_a_right_that_is_missing_is_said_and_serving_goes_on(
    own: Kept, account: Path, roles: str, verb: str, said: str
) -> None:
    role = f"{roles}/kubeflow-openshift-certificates"
    whole = own.cluster.request("GET", role).body["rules"]
    less = [{**rule, "verbs": [v for v in rule["verbs"] if v != verb] or ["list"]} for rule in whole]
    replace_rules(own.cluster, role, less)
    try:
        if verb == "create":
            own.cluster.request("DELETE", SECRET)
        if verb == "patch":  # an entry that no load here uses
            last = len(own.cluster.request("GET", REGISTERED).body["webhooks"]) - 1
            wipe = [{"op": "remove", "path": f"/webhooks/{last}/clientConfig/caBundle"}]
            own.cluster.request("PATCH", REGISTERED, wipe, content_type="application/json-patch+json")
        wish = ["--host", "another.example"] if verb == "update" else []
        with load(own) as admissions, keeping(own, *wish, "--settle", "1", kubeconfig=account) as log:
            wait(lambda: said in log.read_text(), f"log line: {said}", 15)
            assert own.server.observe("/readyz")[0] == 200
        assert log.read_text().count(said) == 1  # said once, not every few seconds
        assert "Traceback" not in log.read_text()
        assert admissions.failures == []
    finally:
        replace_rules(own.cluster, role, whole)
    own.run("rotate", "--ca", "--force", "--settle", "2")
    assert own.run("show").returncode == 0
    assert not own.admitted()


def replace_rules(cluster: Cluster, role: str, rules: list[dict[str, object]]) -> None:
    answer = cluster.request("PATCH", role, {"rules": rules}, content_type="application/merge-patch+json")
    assert answer.status == 200, answer.body
