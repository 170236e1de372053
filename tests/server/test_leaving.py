"""How the webhook ends: by SIGTERM without a failed request, and by kill -9 of a worker or of all of it."""

import contextlib
import signal
import time
from pathlib import Path

import pytest

from tests.reliability import kills
from tests.support.bodies import REVIEW
from tests.support.load import failed, loaded
from tests.support.server import post, serving
from webhook.server.worker import DRAIN

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finding worker processes needs Linux's /proc"
)


def test_sigterm_fails_nobody_as_long_as_the_port_is_open() -> None:
    with serving() as server, loaded(server, [REVIEW]) as samples, contextlib.closing(server.connect()) as idle:
        assert post(idle, REVIEW).read()
        time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        time.sleep(0.5)
        assert server.observe("/readyz")[0] == 503
        assert server.observe("/healthz")[0] == 200
        time.sleep(DRAIN - 1.5)
        answered = post(idle, REVIEW)
        assert (answered.status, answered.headers["Connection"]) == (200, "close")
        assert server.process.wait(20) == 0
        assert DRAIN < time.monotonic() - told < DRAIN + 6
    during = [sample for sample in samples if told + 0.5 < sample.began < told + DRAIN - 0.5]
    assert len(during) > 100
    assert failed(during) == []
    assert all(sample.close for sample in during), "so that its client goes elsewhere"
    assert failed([sample for sample in samples if sample.began < told]) == []


@needs_proc
def test_a_killed_worker_fails_only_what_it_had_in_hand_and_the_metrics_go_on() -> None:
    figures = kills.measure(3)
    assert figures["requests"] > 100
    assert figures["failed otherwise"] == 0
    assert figures["failed on a dead worker's connection, its end not yet seen"] <= 3 * 10, "once for each client"
    assert figures["longest without an answer, s"] < 2
    assert figures["metrics count every answer, whichever worker tells"]


@needs_proc
def test_the_workers_of_a_killed_server_end_and_leave_its_port() -> None:
    with serving() as server, contextlib.closing(server.connect()) as connection:
        assert post(connection, REVIEW).read()
        workers = server.workers()
        server.process.kill()
        server.process.wait(10)
        deadline = time.monotonic() + 10
        while any(Path(f"/proc/{worker}/exe").exists() for worker in workers) and time.monotonic() < deadline:
            time.sleep(0.1)
        with serving(port=server.port) as next_one:
            assert next_one.post(REVIEW)[0] == 200
