"""A log that nobody reads: reviews are answered, probes too, and what is lost is counted."""

import fcntl
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bodies import REVIEW
from tests.support.server import STARTS_WITHIN, Server, serving

PIPE = 4096  # bytes, the least that a pipe can hold

pytestmark = pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="making a pipe small needs Linux")


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[int]:
    os.mkfifo(tmp_path / "log")
    reader = os.open(tmp_path / "log", os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE)
    yield reader
    os.close(reader)


@pytest.fixture
def server(pipe: int, tmp_path: Path) -> Iterator[Server]:
    with serving(log=tmp_path / "log") as running:
        yield running


def dropped(server: Server) -> float:
    (count,) = re.findall(
        r"^kubeflow_openshift_log_lines_dropped_total (\S+)$", server.observe("/metrics")[1], re.MULTILINE
    )
    return float(count)


def test_a_log_that_nobody_reads_stops_nobody_and_its_lost_lines_are_counted(pipe: int, server: Server) -> None:
    assert [server.post(REVIEW)[0] for _ in range(100)] == [200] * 100
    assert dropped(server) > 50
    assert server.observe("/healthz")[0] == 200
    os.read(pipe, PIPE)
    before = dropped(server)
    assert server.post(REVIEW)[0] == 200
    assert dropped(server) == before, "who reads again sees what follows"


def test_workers_are_replaced_while_nobody_reads_the_log(server: Server) -> None:
    assert [server.post(REVIEW)[0] for _ in range(50)] == [200] * 50
    for _ in range(3):
        (first, *_) = workers = server.workers()
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + STARTS_WITHIN
        while not set(server.workers()) - set(workers) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert set(server.workers()) - set(workers)
        assert server.post(REVIEW)[0] == 200
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(10) == 0
