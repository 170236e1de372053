"""How the keeper meets an API server that is old, slow, broken or unwilling: one line, and what to do."""

import base64
import datetime as dt
import http.server
import json
import threading
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from kubernetes import config

from certs import authority, secret
from certs.api import Forbidden, NotDone
from certs.protocol import State
from certs.store import Names, Store

NAMES = Names("ns", "certificate", "zz")
V1 = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/zz"
V1BETA1 = V1.replace("/v1/", "/v1beta1/")
SECRETS = "/api/v1/namespaces/ns/secrets"
SECRET = f"{SECRETS}/certificate"
STATE = State(ca=authority.authority("test", ["a"], 1))
CA, OTHER = STATE.bundle()[0], authority.authority("test", ["a"], 1).certificate
OURS, OTHERS = (base64.b64encode(authority.pem([ca])).decode() for ca in (CA, OTHER))
HANG_UP = 0
NONE = (404, {"kind": "Status", "details": {"name": "zz"}})


class Api(http.server.BaseHTTPRequestHandler):
    """An API server with an answer for some requests, by `METHOD path` or by path; it knows no others."""

    answers: dict[str, tuple[int, Any]]
    asked: list[str]
    sent: list[Any]
    headers_seen: list[Message]

    def do_GET(self) -> None:
        said = f"{self.command} {self.path}"
        status, body = self.answers.get(said) or self.answers.get(self.path, (404, "404 page not found\n"))
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.asked.append(said)
        self.headers_seen.append(self.headers)
        if status == HANG_UP:
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_PATCH(self) -> None:
        self.sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.do_GET()

    do_POST = do_PUT = do_PATCH  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[type[Api]]:
    class Own(Api):
        """Of this test alone."""

    Own.answers, Own.asked, Own.sent, Own.headers_seen = {V1: NONE, SECRET: NONE}, [], [], []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Own) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        cluster = {"name": "a", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        context = {"name": "a", "context": {"cluster": "a", "user": "a"}}
        config = {"clusters": [cluster], "users": [{"name": "a", "user": {"token": "of-a"}}], "contexts": [context]}
        (tmp_path / "kubeconfig").write_text(json.dumps(config | {"current-context": "a"}))
        yield Own
        server.shutdown()


@pytest.fixture
def store(api: type[Api], tmp_path: Path) -> Store:
    return Store(NAMES, tmp_path / "kubeconfig")


def test_nothing_is_there_yet(store: Store) -> None:
    seen = store.read()
    assert (seen.stored, seen.registered, seen.trust.bundles) == (None, None, ())


def test_openshift_4_2_has_the_configuration_in_v1beta1_only(api: type[Api], store: Store) -> None:
    entry = {"clientConfig": {"caBundle": ""}}
    api.answers = {SECRET: NONE, V1BETA1: (200, {"metadata": {"resourceVersion": "1"}, "webhooks": [entry]})}
    seen = store.read()
    assert seen.path == V1BETA1
    assert seen.trust.bundles == ((),)


def test_a_configuration_that_is_missing_is_not_looked_for_in_v1beta1(api: type[Api], store: Store) -> None:
    store.read()
    assert f"GET {V1BETA1}" not in api.asked


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_api_server_in_trouble_is_said(api: type[Api], store: Store, status: int) -> None:
    api.answers[SECRET] = (status, {"message": "etcd is away"})
    with pytest.raises(NotDone, match=f"GET {SECRET}: {status} etcd is away"):
        store.read()


def test_what_is_no_json_is_no_traceback(api: type[Api], store: Store) -> None:
    api.answers[SECRET] = (502, "<html>")
    with pytest.raises(NotDone, match="502"):
        store.read()


def test_what_may_not_be_seen_of_the_configuration_is_a_problem_and_the_secret_is_read_yet(
    api: type[Api], store: Store
) -> None:
    api.answers |= {V1: (403, {"message": "no"}), SECRET: (200, {"metadata": {}, "data": {"ca.crt": "eA=="}})}
    seen = store.read()
    assert [problem.split(":")[0] for problem in seen.problems] == [f"not allowed to GET {V1}", "Secret ns/certificate"]
    assert not seen.trust.includes(CA)
    assert seen.registered is None


def test_an_api_server_that_is_not_there_is_said(tmp_path: Path, store: Store) -> None:
    config = json.loads((tmp_path / "kubeconfig").read_text())
    config["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:9"
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    with pytest.raises(NotDone, match="the API server does not respond"):
        Store(NAMES, tmp_path / "kubeconfig").read()


def test_who_hangs_up_is_asked_once(api: type[Api], store: Store) -> None:
    api.answers[V1] = (HANG_UP, "")
    with pytest.raises(NotDone, match="the API server does not respond: ProtocolError"):
        store.read()
    assert api.asked == [f"GET {V1}"]


def test_it_says_who_it_is_and_what_it_wants(api: type[Api], store: Store) -> None:
    store.read()
    for seen in api.headers_seen:
        assert seen["User-Agent"] == "kubeflow-openshift-certs"
        assert seen["Authorization"] == "Bearer of-a"
        assert (seen["Accept"], seen["Content-Type"]) == ("application/json", "application/json")


@pytest.mark.parametrize("status", [401, 403])
def test_who_may_not_ask_is_told_what_for(api: type[Api], store: Store, status: int) -> None:
    api.answers[SECRET] = (status, {"message": "no such right"})
    with pytest.raises(Forbidden, match=f"^not allowed to GET {SECRET}: no such right$"):
        store.read()
    api.answers[SECRET] = (status, "who are you?")
    with pytest.raises(Forbidden, match=f"^not allowed to GET {SECRET}: {status}$"):
        store.read()


def test_time_is_the_api_servers_or_else_our_own(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    own = dt.datetime.now(dt.UTC)
    for header, moment in (("Tue, 06 Jan 2026 01:02:03 GMT", dt.datetime(2026, 1, 6, 1, 2, 3, tzinfo=dt.UTC)),
                           ("yesterday", own), ("", own)):  # fmt: skip
        monkeypatch.setattr(Api, "date_time_string", lambda *_, header=header: header)
        assert abs(store.read().now - moment) < dt.timedelta(seconds=30)


def test_a_secret_that_nobody_made_is_made(api: type[Api], store: Store) -> None:
    api.answers[f"POST {SECRETS}"] = (201, {})
    assert store.write_secret(store.read(), STATE)
    assert api.sent == [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "certificate"},
            "type": "Opaque",
            "data": secret.written(STATE),
        }
    ]


def test_a_secret_is_replaced_as_it_was_seen_but_for_what_is_ours(api: type[Api], store: Store) -> None:
    was = {"metadata": {"resourceVersion": "7", "labels": {"a": "b"}}, "data": {"theirs": "YQ==", "since": "eA=="}}
    api.answers |= {SECRET: (200, was), f"PUT {SECRET}": (200, {})}
    assert store.write_secret(store.read(), STATE)
    assert api.sent == [{**was, "data": {"theirs": "YQ==", **secret.written(STATE)}}]


@pytest.mark.parametrize("status", [404, 409])
def test_a_secret_that_changed_or_went_meanwhile_is_looked_at_again(api: type[Api], store: Store, status: int) -> None:
    api.answers |= {SECRET: (200, {"metadata": {}}), f"PUT {SECRET}": (status, {})}
    assert not store.write_secret(store.read(), STATE)


@pytest.mark.parametrize(("status", "message"), [(404, "no such namespace"), (422, "not valid")])
def test_a_write_that_is_refused_is_said(api: type[Api], store: Store, status: int, message: str) -> None:
    api.answers[f"POST {SECRETS}"] = (status, {"message": message})
    seen = store.read()
    with pytest.raises(NotDone, match=f"^refused: {message}$"):
        store.write_secret(seen, STATE)
    api.answers[f"POST {SECRETS}"] = (status, {})
    with pytest.raises(NotDone, match=f"^refused: {status}$"):
        store.write_secret(seen, STATE)


def registered(*bundles: str | None) -> dict[str, Any]:
    """Return a webhook configuration whose entries have these."""
    entries = [{"clientConfig": {"caBundle": bundle} if bundle is not None else {}} for bundle in bundles]
    return {"metadata": {"resourceVersion": "7"}, "webhooks": entries}


def test_every_entry_that_trusts_anything_else_is_written_on_top_of_what_was_seen(api: type[Api], store: Store) -> None:
    api.answers |= {
        V1: (200, registered(None, OURS, "", f"!{OURS}", OTHERS)),
        SECRET: (200, {"metadata": {}, "data": secret.written(STATE)}),
        f"PATCH {V1}": (200, {}),
    }
    seen = store.read()
    assert seen.trust.bundles == ((), (CA,), (), (), (OTHER,))
    assert store.write_ca_bundles(seen)
    assert api.sent == [
        [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
            *({"op": "add", "path": f"/webhooks/{n}/clientConfig/caBundle", "value": OURS} for n in (0, 2, 3, 4)),
        ]
    ]
    assert api.headers_seen[-1]["Content-Type"] == "application/json-patch+json"
    for status in (404, 409):
        api.answers[f"PATCH {V1}"] = (status, {})
        assert not store.write_ca_bundles(seen)


@pytest.mark.parametrize("found", [NONE, (200, registered()), (200, registered(OURS, OURS))])
@pytest.mark.parametrize("data", [{}, secret.written(STATE)])
def test_where_all_is_trusted_or_nothing_is_to_be_nothing_is_written(
    api: type[Api], store: Store, found: tuple[int, Any], data: dict[str, str]
) -> None:
    api.answers |= {V1: found, SECRET: (200, {"metadata": {}, "data": data})}
    assert not store.write_ca_bundles(store.read())
    assert api.sent == []


def test_in_a_pod_its_service_account_is_the_way_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ways: list[Any] = []
    monkeypatch.setattr(config, "load_kube_config", lambda file, _: ways.append(file))
    monkeypatch.setattr(config, "load_incluster_config", lambda: ways.append("service account"))
    Store(NAMES)
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/var/run/secrets/kubernetes.io/serviceaccount/token")
    Store(NAMES)
    Store(NAMES, tmp_path)
    assert ways == [None, "service account", str(tmp_path)]
