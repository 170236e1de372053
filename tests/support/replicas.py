"""Clients of several replicas, as the API server and a Service are: which replica is chosen, and when one is left."""

import contextlib
import http.client
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from certs import authority
from tests.support.mounted import NAMES
from tests.support.server import Server, review, serving
from webhook.objects.model import Request

REVIEW = review(Request("Pod", "CREATE", {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a"}]}}))


@dataclass
class Asked:
    """What clients met."""

    count: int = 0
    connections: int = 0
    closed_politely: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def clients(endpoints: list[Server], trust: ssl.SSLContext, count: int, pause: float, *, keep: bool) -> Iterator[Asked]:
    """Have clients post reviews, each `pause` seconds after its last answer.

    `endpoints` is what a Service leads to, and may change meanwhile. A client keeps its connection until the server
    says `Connection: close`, or not at all.
    """
    asked, stop, lock = Asked(), threading.Event(), threading.Lock()

    def work() -> None:
        connection: http.client.HTTPSConnection | None = None
        while not stop.wait(pause):
            try:
                if connection is None:
                    server = random.choice(endpoints)
                    connection = http.client.HTTPSConnection(server.host, server.port, timeout=10, context=trust)
                    connection.connect()
                    with lock:
                        asked.connections += 1
                connection.request("POST", "/mutate", REVIEW, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                polite = response.getheader("Connection") == "close"
                problem = "" if response.status == http.HTTPStatus.OK else f"status {response.status}"
            except (OSError, http.client.HTTPException) as error:
                polite, problem = False, f"{type(error).__name__}: {error}"
            with lock:
                asked.count += 1
                asked.closed_politely += polite
                asked.failures += [problem] if problem else []
            if connection and (polite or problem or not keep):
                connection.close()
                connection = None
        if connection:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield asked
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def roll(
    restarts: int, start: Callable[[], AbstractContextManager[Server]], trust: ssl.SSLContext, late: float
) -> Asked:
    """Replace one of two replicas after another under 100 requests a second, and return what clients met.

    A Service leads to a replica for `late` seconds after it was told to end: every node has to hear of it.
    """
    with contextlib.ExitStack() as running:
        endpoints = [running.enter_context(start()) for _ in range(2)]
        with clients(endpoints, trust, count=10, pause=0.1, keep=True) as asked:
            for _ in range(restarts):
                endpoints.append(running.enter_context(start()))  # maxSurge 1, maxUnavailable 0
                old = endpoints[0]
                old.process.terminate()
                time.sleep(late)  # drawn at random, both of a test's two were once too short for anyone to fail
                endpoints.remove(old)
                old.process.wait(60)
        return asked


DAYS = 2


def rolled(ca: authority.Identity, folder: Path, restarts: int, module: str = "webhook") -> Asked:
    pem = folder / "serving.pem"
    pem.write_bytes(authority.serving(ca, NAMES, DAYS).pem())
    (folder / "ca.crt").write_bytes(ca.certificate_pem())
    trust = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    return roll(restarts, partial(serving, "--certificate", str(pem), module=module), trust, late=5)
