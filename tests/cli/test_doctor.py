"""`doctor` without a cluster, or with one that answers badly: one line, exit code 2, no traceback."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from webhook.cli import main as cli
from webhook.doctor import state
from webhook.doctor.state import READS

Answer = tuple[int, Any]
MISSING: Answer = (404, {"kind": "Status", "details": {}})
CONFIG = READS["configmaps"]


class Api(http.server.BaseHTTPRequestHandler):
    """An API server that has an answer for some paths, and none of the other objects."""

    answers: dict[str, Answer]
    asked: list[str]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.asked.append(self.path)
        status, body = self.answers.get(self.path) or self.answers.get(url.path, MISSING)
        if isinstance(body, list):  # pages of one item each
            number = int(parse_qs(url.query).get("continue", ["0"])[0])
            more = {"continue": str(number + 1)} if number + 1 < len(body) else {}
            body = {"kind": "EventList", "apiVersion": "v1", "metadata": more, "items": [body[number]]}
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def write_kubeconfig(path: Path, server: str) -> Path:
    context = {"name": "a", "context": {"cluster": "a", "user": "a"}}
    config = {"clusters": [{"name": "a", "cluster": {"server": server}}], "contexts": [context]}
    path.write_text(json.dumps({**config, "users": [{"name": "a", "user": {"token": "a"}}], "current-context": "a"}))
    return path


@pytest.fixture
def api() -> type[Api]:
    class Own(Api):
        """Of this test alone."""

    Own.answers, Own.asked = {}, []
    return Own


@pytest.fixture
def kubeconfig(api: type[Api], tmp_path: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), api) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield str(write_kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{server.server_port}"))
        server.shutdown()


def refusal(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run it; it must end with exit code 2 and one line on stderr, which is returned."""
    code = cli.main(["doctor", *arguments])
    printed = capfd.readouterr()
    assert (code, printed.out, printed.err.count("\n")) == (2, "", 1)
    return printed.err


def test_no_cluster_and_no_kubeconfig_are_one_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    closed = write_kubeconfig(tmp_path / "closed", "http://127.0.0.1:9")
    assert refusal(capfd, "--kubeconfig", str(closed)) == "the API server does not respond: NewConnectionError\n"
    assert "no cluster credentials" in refusal(capfd, "--kubeconfig", str(tmp_path / "none"))
    assert "name b in" in refusal(capfd, "--kubeconfig", str(closed), "--context", "b")


def test_a_user_who_is_not_known_gets_one_line(
    api: type[Api], kubeconfig: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in READS.values():
        api.answers[path.partition("?")[0]] = (401, {"message": "Unauthorized"})
    assert refusal(capfd, "--kubeconfig", kubeconfig) == "not looked at: Unauthorized\n"


def test_an_api_that_is_down_stops_nothing_else(
    api: type[Api], kubeconfig: str, capfd: pytest.CaptureFixture[str]
) -> None:
    api.answers[READS["DeploymentConfig.apps.openshift.io"]] = (503, {"message": "service unavailable"})
    assert cli.main(["doctor", "--kubeconfig", kubeconfig, "--output", "json"]) == 2
    out, err = capfd.readouterr()
    assert err == "not looked at: 503 service unavailable\n"
    body = json.loads(out)
    assert body["notLookedAt"] == [err.rstrip()]
    assert [each["check"] for each in body["diagnoses"] if not each["good"]] == [
        *("registered", "trusted", "reachable", "network policy")
    ]
    assert {each["command"] for each in body["diagnoses"] if not each["good"]} == {
        "oc apply -k deploy/overlays/openshift"
    }


def test_a_broken_config_map_is_named(api: type[Api], kubeconfig: str, capfd: pytest.CaptureFixture[str]) -> None:
    api.answers[CONFIG] = (200, {"kind": "ConfigMap", "data": {"config.yaml": "a: b"}})
    assert cli.main(["doctor", "--kubeconfig", kubeconfig]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("!! configuration: config.yaml in the ConfigMap:1: a: unknown key")
    assert "   oc -n kubeflow-openshift edit configmap kubeflow-openshift" in lines


def test_lists_are_read_to_their_last_page(api: type[Api], kubeconfig: str) -> None:
    api.answers["/api/v1/events"] = (200, [{"metadata": {"name": name}} for name in ("a", "b", "c")])
    seen = state.read(Path(kubeconfig), None)
    assert [each["metadata"]["name"] for each in seen.objects["events"]] == ["a", "b", "c"]
    assert {(each["kind"], each["apiVersion"]) for each in seen.objects["events"]} == {("Event", "v1")}
    assert all(each.startswith("/api") for each in api.asked)


def test_openshift_4_2_has_the_configuration_in_v1beta1_only(api: type[Api], kubeconfig: str) -> None:
    path = READS["configurations"]
    api.answers |= {path: (404, "404 page not found"), path.replace("/v1/", "/v1beta1/"): (200, {"webhooks": []})}
    assert state.read(Path(kubeconfig), None).one("configurations")["webhooks"] == []


def test_what_an_event_is_about_is_read(api: type[Api], kubeconfig: str) -> None:
    about = {"apiVersion": "kubeflow.org/v1", "kind": "TFJob", "namespace": "team", "name": "it"}
    words = "unable to validate against any security context constraint: []"
    api.answers["/api/v1/events"] = (200, [{"involvedObject": about, "message": words}])
    found = {"apiVersion": "kubeflow.org/v1", "kind": "TFJob", "metadata": {"name": "it"}}
    api.answers["/apis/kubeflow.org/v1/namespaces/team/tfjobs/it"] = (200, found)
    assert state.read(Path(kubeconfig), None).objects["TFJob.kubeflow.org"] == [found]
