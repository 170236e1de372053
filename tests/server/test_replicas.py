"""Certificates renewed and replicas replaced under load: no request fails that a client had a right to see answered."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from certs import authority
from tests.support.mounted import NAMES, Mounted
from tests.support.paths import ROOT
from tests.support.replicas import DAYS, clients, rolled
from tests.support.server import Server, free_port, serving
from webhook.server.app import application
from webhook.settings.model import Settings


@pytest.fixture
def ca() -> authority.Identity:
    return authority.authority("test", NAMES, DAYS)


def trusting(server: Server, ca: authority.Identity, folder: Path) -> Server:
    (folder / "ca.crt").write_bytes(ca.certificate_pem())
    return replace(server, ca=folder / "ca.crt")


def test_fifty_renewals_under_load_fail_nobody(ca: authority.Identity, tmp_path: Path) -> None:
    mounted = Mounted(tmp_path / "tls", "serving.pem")
    mounted.put(authority.serving(ca, NAMES, DAYS).pem())
    with serving("--certificate", str(mounted.path)) as started:
        server = trusting(started, ca, tmp_path)
        with clients([server], server.trust(), count=6, pause=0.005, keep=False) as asked:
            for _ in range(50):
                time.sleep(0.05)
                mounted.put(authority.serving(ca, NAMES, DAYS).pem())
            time.sleep(0.2)
    assert asked.failures == []
    assert asked.connections > 200


def test_two_files_that_are_swapped_one_by_one_fail_somebody(ca: authority.Identity, tmp_path: Path) -> None:
    """The negative control: gunicorn by itself reads certificate and key again for every connection."""
    with naive(ca, tmp_path) as (server, swap), clients([server], server.trust(), 6, 0.005, keep=False) as asked:
        for _ in range(100):
            time.sleep(0.05)
            swap()
            if asked.failures:
                break
    assert asked.failures


@contextmanager
def naive(ca: authority.Identity, folder: Path) -> Iterator[tuple[Server, Callable[[], None]]]:
    """Run the application under stock gunicorn with two files; yield it, and a way to swap them."""
    certificate, key, log = folder / "tls.crt", folder / "tls.key", folder / "log"

    def swap() -> None:
        new = authority.serving(ca, NAMES, DAYS)
        certificate.write_bytes(new.certificate_pem())
        time.sleep(0.005)
        key.write_bytes(new.key_pem())

    swap()
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "8"]
    command += [
        "--certfile",
        str(certificate),
        "--keyfile",
        str(key),
        "--no-control-socket",
        "tests.server.test_replicas:app()",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT)
    server = trusting(Server("127.0.0.1", port, 0, folder / "ca.crt", log, process), ca, folder)
    try:
        deadline = time.monotonic() + 15
        while b"Listening" not in log.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.05)
        yield server, swap
    finally:
        process.terminate()
        process.wait(40)


def app() -> object:
    """Make the application for stock gunicorn."""
    return application(Settings)


def test_replicas_are_replaced_under_load_and_nobody_fails(ca: authority.Identity, tmp_path: Path) -> None:
    asked = rolled(ca, tmp_path, restarts=2)
    assert asked.failures == []
    assert asked.count > 500
    assert asked.closed_politely >= 5


def test_a_server_that_ends_at_once_fails_somebody(ca: authority.Identity, tmp_path: Path) -> None:
    """The negative control: without a drain, who is still led to it is refused."""
    asked = rolled(ca, tmp_path, restarts=2, module="tests.support.stock")
    assert asked.failures
