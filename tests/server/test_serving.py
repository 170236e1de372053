"""How the webhook starts and ends, and reads its configuration and certificate again while it runs."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from certs import authority
from tests.support.bodies import REVIEW
from tests.support.metrics import reloads
from tests.support.mounted import NAMES, Mounted, Renewable
from tests.support.server import STARTS_WITHIN, Server, post, serving

OFF, ON, BROKEN = (f"rules:\n  fs-group: {word}\n" for word in ("false", "true", "perhaps"))


def patches(server: Server) -> bool:
    status, body = server.post(REVIEW)
    assert status == 200
    return "patch" in json.loads(body)["response"]


def problems(server: Server, event: str) -> list[str]:
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    return [line["problem"] for line in lines if line.get("event") == event and "problem" in line]


def refusal(*arguments: str) -> str:
    """Start the webhook, which must refuse with exit code 2; return the one line it says."""
    command = [sys.executable, "-m", "webhook", "serve", "--port", "0", "--observe-port", "0", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=STARTS_WITHIN, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    return ended.stderr


def test_the_configuration_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    config = Mounted(tmp_path / "mounted", "config.yaml")
    config.put(OFF)
    with serving("--config", str(config.path)) as server:
        assert [patches(server) for _ in range(4)] == [False] * 4
        config.put(ON)
        assert [patches(server) for _ in range(4)] == [True] * 4
        assert reloads(server, "success") >= 1
        config.put(OFF)
        assert [patches(server) for _ in range(4)] == [False] * 4
        assert reloads(server, "error") == 0


def test_a_broken_configuration_keeps_the_last_good_one(tmp_path: Path) -> None:
    config = Mounted(tmp_path / "mounted", "config.yaml")
    config.put(OFF)
    broken = (BROKEN, "rules: [", "no-such: 1", b"\xff", None, f"allocated: 1-{'9' * 5000}")
    with serving("--config", str(config.path)) as server:
        for content in broken:
            before = reloads(server, "error")
            config.put(content)
            assert [patches(server) for _ in range(4)] == [False] * 4, content
            assert 1 <= reloads(server, "error") - before <= 2, "once in each worker that saw it"
        config.put(ON)
        assert [patches(server) for _ in range(4)] == [True] * 4
        logged = problems(server, "configuration")
        assert len(logged) == reloads(server, "error")
        assert all(problem.startswith(f"{config.path}:") for problem in logged)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finding the worker processes needs Linux's /proc")
def test_a_worker_that_starts_under_a_broken_configuration_keeps_the_last_good_one(tmp_path: Path) -> None:
    config = Mounted(tmp_path / "mounted", "config.yaml")
    config.put(OFF)
    with serving("--config", str(config.path), "--workers", "1") as server:
        config.put(BROKEN)
        (first,) = server.workers()
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + STARTS_WITHIN
        while not set(server.workers()) - {first} and server.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not patches(server)


def test_a_broken_configuration_at_start_is_refused_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(BROKEN)
    assert refusal("--config", str(path)).startswith(f"{path}:2: rules.fs-group: ")
    assert str(tmp_path / "none.yaml") in refusal("--config", str(tmp_path / "none.yaml"))


@pytest.fixture
def renewable(tmp_path: Path) -> Renewable:
    return Renewable(authority.authority("test", NAMES, days=1), Mounted(tmp_path / "tls", "serving.pem"))


@pytest.fixture
def first(renewable: Renewable) -> int:
    """Return the serial number of the certificate that the server starts with."""
    return renewable.renew()


@pytest.fixture
def server(renewable: Renewable, first: int, tmp_path: Path) -> Iterator[Server]:
    """Run the webhook with a certificate that can be renewed."""
    assert first
    ca = tmp_path / "ca.crt"
    ca.write_bytes(renewable.ca.certificate_pem())
    with serving("--certificate", str(renewable.mounted.path)) as running:
        yield replace(running, ca=ca)


def serials(server: Server) -> set[int]:
    """Return the serial numbers of the certificates that several new connections meet, all of them trusted."""
    found = set()
    for _ in range(6):
        with contextlib.closing(server.connect()) as connection:
            assert post(connection, REVIEW).status == 200
            certificate = connection.sock.getpeercert()
            assert certificate is not None
            found.add(int(str(certificate["serialNumber"]), 16))
    return found


def test_a_renewed_certificate_is_served_on_the_next_connection(server: Server, renewable: Renewable) -> None:
    for _ in range(2):
        serial = renewable.renew()
        assert serials(server) == {serial}


def test_a_broken_certificate_keeps_the_last_good_one(server: Server, renewable: Renewable, first: int) -> None:
    one, other = (authority.serving(renewable.ca, NAMES, days=1) for _ in range(2))
    others_key = other.pem().removesuffix(other.certificate_pem())
    for content in (b"", b"garbage", one.certificate_pem(), others_key + one.certificate_pem(), one.pem()[:-99], None):
        renewable.mounted.put(content)
        assert serials(server) == {first}, content
    assert problems(server, "certificate")
    second = renewable.renew()
    assert serials(server) == {second}


def test_an_open_connection_outlives_the_renewal(server: Server, renewable: Renewable) -> None:
    with contextlib.closing(server.connect()) as connection:
        assert post(connection, REVIEW).read()
        first = connection.sock.getsockname()
        renewable.renew()
        assert post(connection, REVIEW).read()
        assert connection.sock.getsockname() == first


def test_a_certificate_that_cannot_be_used_is_refused_at_start(tmp_path: Path) -> None:
    assert "none.pem" in refusal("--certificate", str(tmp_path / "none.pem"))
    identity = authority.serving(authority.authority("test", NAMES, days=1), NAMES, days=1)
    (tmp_path / "good.pem").write_bytes(identity.pem())
    assert "none.key" in refusal("--certificate", str(tmp_path / "good.pem"), "--key", str(tmp_path / "none.key"))
    (tmp_path / "garbage.pem").write_text("garbage")
    assert "garbage.pem" in refusal("--certificate", str(tmp_path / "garbage.pem"))


def test_certificate_and_key_may_be_two_files(tmp_path: Path, renewable: Renewable) -> None:
    identity = authority.serving(renewable.ca, NAMES, days=1)
    certificate, key, ca = (tmp_path / name for name in ("tls.crt", "tls.key", "ca.crt"))
    certificate.write_bytes(identity.certificate_pem())
    key.write_bytes(identity.pem().removesuffix(identity.certificate_pem()))
    ca.write_bytes(renewable.ca.certificate_pem())
    with serving("--certificate", str(certificate), "--key", str(key)) as running:
        assert serials(replace(running, ca=ca)) == {identity.certificate.serial_number}


def test_an_interrupt_ends_it_promptly_and_well_even_with_a_connection_open() -> None:
    with serving() as server, contextlib.closing(server.connect()) as connection:
        assert post(connection, REVIEW).read()
        server.process.send_signal(signal.SIGINT)
        start = time.monotonic()
        assert server.process.wait(20) == 0
        assert time.monotonic() - start < 5
        with pytest.raises(OSError, match="refused"):
            server.observe("/healthz")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_meets_a_worker_without_handlers_is_not_lost(ending: signal.Signals) -> None:
    """In its parent's handlers it would be; gunicorn then waits its 30 s and kills it."""
    with serving("--workers", "2", module="tests.support.late_worker") as server:
        server.process.send_signal(ending)
        assert server.process.wait(20) == 0
