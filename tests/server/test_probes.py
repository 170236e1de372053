"""The port of observation: its own, bounded, and there for probes whatever others do on it."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator

import pytest

from tests.support.bodies import REVIEW
from tests.support.server import Server, post, serving
from webhook.server.probes import MOST_CONNECTIONS, PATIENCE, STUCK


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("--workers", "1") as running:
        yield running
        assert "Traceback" not in running.log.read_text()


def test_who_is_silent_on_the_port_of_observation_is_sent_away_and_probes_go_on(server: Server) -> None:
    opened = time.monotonic()
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection((server.host, server.observe_port), timeout=5))
            for _ in range(3 * MOST_CONNECTIONS)
        ]
        start = time.monotonic()
        assert [server.observe(page)[0] for page in ("/healthz", "/readyz", "/metrics")] == [200] * 3
        assert time.monotonic() - start < 1
        for number, connection in enumerate(silent):
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
            if number < MOST_CONNECTIONS:
                assert time.monotonic() - opened < PATIENCE, "the first make room for the others"
        assert time.monotonic() - start < 5


def test_a_process_that_does_not_come_round_is_not_healthy() -> None:
    with serving("--workers", "1", module="tests.support.stuck_worker") as server:
        (worker,) = server.workers()
        with contextlib.closing(server.connect(timeout=1)) as connection, pytest.raises(TimeoutError):
            post(connection, REVIEW.replace(b"705ab4f5", b"stuck"))
        assert server.observe("/healthz")[0] == 200, "as yet"
        time.sleep(STUCK)
        assert server.observe("/healthz") == (503, "stuck\n")
        os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /healthz HTTP/1.0\r\n\r\n", b"200"),
        (b"POST /healthz HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /healthz/ HTTP/1.1\r\n\r\n", b"404"),
        (b"\xff\r\n\r\n", b"405"),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 20_000, b""),
        (b"", b""),
    ],
)
def test_odd_requests_are_answered_or_closed(server: Server, sent: bytes, status: bytes) -> None:
    with socket.create_connection((server.host, server.observe_port), timeout=5) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(4096):
                answer += piece
    assert answer.partition(b" ")[2][:3] == status
