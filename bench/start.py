"""How soon the webhook answers after its start, and what memory it holds."""

import contextlib
import http.client
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from bench.figures import spread
from bench.objects import measured_review
from bench.servers import ours
from tests.support.server import free_port

ROUNDS: Final = 5
REVIEWS: Final = 2000


def first_answer(within: float = 30) -> float:
    """Start the webhook; return the seconds until it has answered a review."""
    with tempfile.TemporaryDirectory() as folder:
        port, observe_port, ca = free_port(), free_port(), Path(folder, "ca.crt")
        command = [sys.executable, "-m", "webhook", "serve", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--observe-port", str(observe_port), "--ca-out", str(ca)]
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while time.monotonic() - start < within:
                with contextlib.suppress(OSError):
                    if _answers(port, ca):
                        return time.monotonic() - start
                time.sleep(0.01)
            raise RuntimeError(f"the webhook answered no review within {within} s")
        finally:
            process.terminate()
            process.wait(30)


def _answers(port: int, ca: Path) -> bool:
    context = ssl.create_default_context(cafile=str(ca))
    with contextlib.closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)) as connection:
        connection.request("POST", "/mutate", measured_review(), {"Content-Type": "application/json"})
        return connection.getresponse().status == http.HTTPStatus.OK


def memory() -> dict[str, dict[str, float]]:
    """Return the MiB of a serving pod, all its processes, at rest and after many reviews on eight connections."""
    with ours() as server:
        rest = server.memory()
        context = ssl.create_default_context(cafile=str(server.ca))
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        body = measured_review()
        connections = [http.client.HTTPSConnection("127.0.0.1", port, context=context) for _ in range(8)]
        for number in range(REVIEWS):
            connection = connections[number % 8]
            connection.request("POST", "/mutate", body, {"Content-Type": "application/json"})
            connection.getresponse().read()
        after = server.memory()
        for connection in connections:
            connection.close()
    return {"at rest": rest, f"after {REVIEWS} reviews": after}


def measure() -> dict[str, Any]:
    """Return seconds to the first answer, and MiB."""
    return {"first_answer_seconds": spread(first_answer() for _ in range(ROUNDS)), "memory_mib": memory()}


def verdicts(figures: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Return what must hold, what was seen and the bound."""
    return [("first answer after start, s: at most 1.5", figures["first_answer_seconds"]["median"], 1.5)]
