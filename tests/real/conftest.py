"""A cluster with a node for each file of these tests, and the record of what ran."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.rig.node.node import Node
from tests.support import real


@pytest.fixture(scope="module")
def node(ready_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Start a cluster with a node, on which nothing is installed."""
    with real.started(tmp_path_factory.mktemp("real")) as attached:
        yield attached


@pytest.fixture(scope="session", autouse=True)
def kept() -> Iterator[None]:
    """Write docs/evidence/real.json with what this run saw."""
    yield
    real.keep()


@pytest.fixture
def proof(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Record what ran: row, workload, what started it, its UID, what shows it, and what became of it without."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    started, test = time.monotonic(), f"real/{request.path.name}::{request.function.__name__}"

    def record(row: str, what: str, by: str, uid: str, shown: str, without: str) -> None:
        seen = real.Ran(row, what, by, uid, shown, without, round(time.monotonic() - started, 1), test, today)
        real.SEEN.append(seen)
        with capsys.disabled():
            print(f"\n{row}: {what}, as {uid}, {seen.seconds} s: {shown}\n  without the webhook: {without}")

    return record
