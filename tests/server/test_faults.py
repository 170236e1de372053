"""What a machine may do to the webhook: full disks, no file descriptors, clocks that jump; and no call goes out."""

import ast
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.reliability import reloads
from tests.support.bodies import REVIEW
from tests.support.paths import ROOT
from tests.support.server import few_files, post, serving


def test_changes_of_the_configuration_under_load_are_seen_whole_or_not_at_all() -> None:
    figures = reloads.measure(50)
    assert figures["readings, of both workers"] >= 40
    assert figures["answered by the first"] > 100 < figures["answered by the second"]
    bad = ("failed", "readings that failed", "answered by neither or a mixture")
    assert [figures[name] for name in bad] == [0, 0, 0]


def test_no_call_goes_out_while_10_000_reviews_are_answered() -> None:
    program = f"""
import io, sys
from werkzeug.test import EnvironBuilder
from webhook.server.app import application
from webhook.settings.model import Settings
calls, statuses = [], set()
app, review = application(Settings), {REVIEW!r}
environ = EnvironBuilder("/mutate", method="POST", data=review, content_type="application/json").get_environ()
OUT = ("socket.", "subprocess.", "os.exec", "os.system")
sys.addaudithook(lambda event, args: calls.append(event) if event.startswith(OUT) else None)
for _ in range(10_000):
    request = {{**environ, "wsgi.input": io.BytesIO(review)}}
    b"".join(app.wsgi_app(request, lambda status, headers: statuses.add(status)))
assert statuses == {{"200 OK"}}
print(len(calls), file=sys.stderr)
import socket
socket.socket().connect_ex(("127.0.0.1", 9))
print(len(calls) > 0, file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stderr.split() == ["0", "True"], "none, and one would have been seen"
    assert ended.stdout.count("\n") == 10_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full is Linux's /dev/full")
def test_a_full_disk_under_the_log_stops_nobody() -> None:
    with serving(log=Path("/dev/full")) as server:
        assert [server.post(REVIEW)[0] for _ in range(20)] == [200] * 20
        assert "reviews_total{" in server.observe("/metrics")[1]


def fill_up(folder: Path) -> None:
    with contextlib.suppress(OSError), (folder / "fill").open("ab", buffering=0) as fill:
        while True:
            fill.write(bytes(4096))


@pytest.mark.skipif(os.geteuid() != 0, reason="a disk of a few bytes is mounted, which only root may")
def test_a_disk_that_fills_up_under_the_metrics_stops_nobody(tmp_path: Path) -> None:
    """They are written through mapped memory: without room that is theirs, the process would be killed (SIGBUS)."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with serving(environment={"TMPDIR": str(tmp_path)}) as server:
            while len(workers := server.workers()) < 2:
                time.sleep(0.1)
            fill_up(tmp_path)
            assert [server.post(REVIEW)[0] for _ in range(40)] == [200] * 40
            assert 'outcome="patched"} 40.0' in server.observe("/metrics")[1]
            assert server.workers() == workers
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


def test_without_a_place_to_write_it_says_so_and_ends() -> None:
    program = "import tempfile; from webhook.cli.main import main; tempfile.tempdir = '/nowhere'; exit(main(['serve']))"
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "/nowhere" in ended.stderr


def test_few_file_descriptors_are_enough_for_new_connections_and_for_probes() -> None:
    with contextlib.ExitStack() as stack:
        with few_files():
            server = stack.enter_context(serving("--workers", "1"))
        (worker,) = server.workers()
        for _ in range(200):
            connection = stack.enter_context(contextlib.closing(server.connect()))
            assert post(connection, REVIEW).read()
        assert server.observe("/healthz")[0] == 200
        assert server.workers() == [worker]
        assert "Traceback" not in server.log.read_text()


def test_no_clock_is_read_that_may_jump() -> None:
    """Deadlines are of time.monotonic(); what the wall's clock says matters to certs, reports and doctor only."""
    offline = {ROOT / "webhook" / package for package in ("cli", "doctor", "offline")}
    read = [
        f"{path.name}:{node.lineno}"
        for path in sorted((ROOT / "webhook").rglob("*.py"))
        if not offline.intersection(path.parents)
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in ("time.time", "time.time_ns", "time.localtime"))
        or (isinstance(node, ast.Import | ast.ImportFrom) and "datetime" in ast.unparse(node))
    ]
    assert read == []


def test_a_worker_that_was_stopped_for_a_while_goes_on() -> None:
    """As when the machine sleeps: all deadlines of all connections have passed at once."""
    with serving() as server, contextlib.closing(server.connect()) as connection:
        assert post(connection, REVIEW).read()
        for signal in ("STOP", "CONT"):
            for worker in server.workers():
                subprocess.run(["kill", f"-{signal}", str(worker)], check=True)
            time.sleep(0.7)
        answer = post(connection, REVIEW)
        assert json.loads(answer.read())["response"]["allowed"]
