"""How the keeper meets an API server that is old, slow, broken or unwilling: one line, and what to do."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from certs import authority
from certs.store import Names, NotDone, Store

NAMES = Names("ns", "certificate", "zz")
V1 = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/zz"
V1BETA1 = V1.replace("/v1/", "/v1beta1/")
SECRET = "/api/v1/namespaces/ns/secrets/certificate"
CA = authority.authority("test", ["a"], 1).certificate
NONE = (404, {"kind": "Status", "details": {"name": "zz"}})


class Api(http.server.BaseHTTPRequestHandler):
    """An API server with an answer for some paths; it knows no others."""

    answers: dict[str, tuple[int, Any]]
    asked: list[str]

    def do_GET(self) -> None:
        status, body = self.answers.get(self.path, (404, "404 page not found\n"))
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.asked.append(f"{self.command} {self.path}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_PATCH(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[type[Api]]:
    class Own(Api):
        """Of this test alone."""

    Own.answers, Own.asked = {V1: NONE, SECRET: NONE}, []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Own) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cluster = {"name": "a", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        context = {"name": "a", "context": {"cluster": "a", "user": "a"}}
        config = {"clusters": [cluster], "users": [{"name": "a", "user": {}}], "contexts": [context]}
        (tmp_path / "kubeconfig").write_text(json.dumps(config | {"current-context": "a"}))
        yield Own
        server.shutdown()


@pytest.fixture
def store(api: type[Api], tmp_path: Path) -> Store:
    return Store(NAMES, tmp_path / "kubeconfig")


def test_nothing_is_there_yet(store: Store) -> None:
    seen = store.look()
    assert (seen.stored, seen.registered, seen.trust.bundles) == (None, None, ())


def test_openshift_4_2_has_the_configuration_in_v1beta1_only(api: type[Api], store: Store) -> None:
    entry = {"clientConfig": {"caBundle": ""}}
    api.answers = {SECRET: NONE, V1BETA1: (200, {"metadata": {"resourceVersion": "1"}, "webhooks": [entry]})}
    seen = store.look()
    assert seen.path == V1BETA1
    assert seen.trust.bundles == ((),)


def test_a_configuration_that_is_missing_is_not_looked_for_in_v1beta1(api: type[Api], store: Store) -> None:
    store.look()
    assert f"GET {V1BETA1}" not in api.asked


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_api_server_in_trouble_is_said(api: type[Api], store: Store, status: int) -> None:
    api.answers[SECRET] = (status, {"message": "etcd is away"})
    with pytest.raises(NotDone, match=f"GET {SECRET}: {status} etcd is away"):
        store.look()


def test_what_is_no_json_is_no_traceback(api: type[Api], store: Store) -> None:
    api.answers[SECRET] = (502, "<html>")
    with pytest.raises(NotDone, match="502"):
        store.look()


def test_what_may_not_be_seen_of_the_configuration_is_a_problem_and_the_secret_is_read_yet(
    api: type[Api], store: Store
) -> None:
    api.answers |= {V1: (403, {"message": "no"}), SECRET: (200, {"metadata": {}, "data": {"ca.crt": "eA=="}})}
    seen = store.look()
    assert [problem.split(":")[0] for problem in seen.problems] == [f"not allowed to GET {V1}", "Secret ns/certificate"]
    assert not seen.trust.includes(CA)
    assert seen.registered is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "--kubeconfig", "none"], "no way into the cluster: "),
        (["show", "--secret", "a"], "'a' is not NAMESPACE/NAME"),
        (["ensure", "--leaf-days", "0"], "'0' is no number of days from 1 to 36500"),
        (["rotate", "--settle", "-1"], "'-1' is no number of seconds"),
        (["ensure", "--host", "a", "--service", "a/b"], "not allowed with"),
    ],
)
def test_bad_usage_is_told_in_a_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "certs", *arguments], capture_output=True, text=True, check=False, timeout=30
    )
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == (1 if arguments == ["show", "--kubeconfig", "none"] else 2)


def test_an_api_server_that_is_not_there_is_said(tmp_path: Path, store: Store) -> None:
    config = json.loads((tmp_path / "kubeconfig").read_text())
    config["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:9"
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    with pytest.raises(NotDone, match="the API server does not answer"):
        Store(NAMES, tmp_path / "kubeconfig").look()
