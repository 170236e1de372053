"""Clients that hold a server up do not hold up the others; gunicorn's own worker shows that they could."""

import contextlib
import time
from pathlib import Path

import pytest

from tests.support import process
from tests.support.bodies import REVIEW
from tests.support.server import Server, few_files, post, review, serving
from tests.support.slow import ATTACKS, attacked
from webhook.objects.model import Request
from webhook.server.app import BRIEF, BRIEF_MAPS

MANY = 64
NEVER_READING = "never reading"
ONE_WORKER = ("--workers", "1")
LONGEST = 2.0  # seconds that a healthy client may have to wait


def slowest(server: Server, reviews: int = 20) -> float:
    """Return how long the slowest of some reviews took, each on a connection of its own."""
    longest = 0.0
    for _ in range(reviews):
        start = time.monotonic()
        with contextlib.closing(server.connect(timeout=LONGEST + 0.5)) as connection:
            try:
                assert post(connection, REVIEW).status == 200
            except TimeoutError:
                return LONGEST + 0.5
        longest = max(longest, time.monotonic() - start)
    return longest


@pytest.mark.parametrize("name", ATTACKS.keys() - {NEVER_READING})
def test_slow_clients_do_not_slow_a_healthy_one(server: Server, name: str) -> None:
    with attacked(server, [name], MANY):
        time.sleep(0.5)
        assert slowest(server) < LONGEST
        assert server.observe("/healthz")[0] == 200


@pytest.mark.parametrize("name", ["one byte of ClientHello", "dripping body"])
def test_on_gunicorns_own_worker_they_do(name: str) -> None:
    with serving(module="tests.support.stock") as server:
        time.sleep(1.5)  # until both workers accept: a late one would be spared
        with attacked(server, [name], MANY):
            time.sleep(0.5)
            assert slowest(server) >= LONGEST


def test_a_client_that_never_reads_holds_no_thread() -> None:
    with serving(*ONE_WORKER) as server, attacked(server, [NEVER_READING], 1):
        deadline = time.monotonic() + 20
        while 'shed_total{reason="slow"}' not in server.observe("/metrics")[1]:
            assert slowest(server, reviews=1) < LONGEST
            assert time.monotonic() < deadline, "no buffer takes its whole response, so it is sent away"


def test_on_gunicorns_own_worker_it_does() -> None:
    with (
        serving(*ONE_WORKER, module="tests.support.stock", environment={"STOCK_THREADS": "1"}) as server,
        attacked(server, [NEVER_READING], 1),
    ):
        assert any(slowest(server, reviews=1) >= LONGEST for _ in range(200))


def test_where_connections_run_out_the_oldest_waits_make_room_and_no_worker_falls() -> None:
    """More dripping clients than connections there may be: they are sent away while their bytes come in."""
    with contextlib.ExitStack() as stack:
        with few_files():
            server = stack.enter_context(serving("--workers", "1"))
        (worker,) = server.workers()
        with attacked(server, ["dripping header", "dripping body"], MANY):
            time.sleep(0.5)
            assert slowest(server, reviews=100) < LONGEST
        assert server.workers() == [worker]
        assert "Traceback" not in server.log.read_text()
        assert 'shed_total{reason="full"}' in server.observe("/metrics")[1]


CONFIG_MAP = review(Request("ConfigMap", "CREATE", {"kind": "ConfigMap"}, name="workflow-controller-configmap"))
MANY_MAPS = REVIEW[:-1] + b',"odd":[' + b",".join([b"{}"] * BRIEF_MAPS) + b"]}"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counting a process' threads needs Linux's /proc")
@pytest.mark.parametrize(("body", "more"), [(REVIEW, 0), (REVIEW.ljust(BRIEF + 1), 1), (MANY_MAPS, 1), (CONFIG_MAP, 1)])
def test_what_is_brief_costs_no_thread(body: bytes, more: int) -> None:
    with serving("--workers", "1") as server, contextlib.closing(server.connect()) as connection:
        (worker,) = server.workers()
        before = process.threads(worker)
        assert post(connection, body).status == 200
        assert process.threads(worker) == before + more
