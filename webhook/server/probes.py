"""Serve /healthz, /readyz and /metrics over plain HTTP, in a thread of each worker process.

The thread has its own asyncio loop, so that reviews and probes never wait for each other. All workers share the port
(SO_REUSEPORT), so that a stuck worker fails its share of the probes.
"""

import asyncio
import threading
import time
from http import HTTPStatus
from typing import Final, Protocol

from webhook.server import telemetry

PATIENCE: Final = 2.0
"""Seconds from connection to response. The kubelet's default timeout is 1."""

MOST_CONNECTIONS: Final = 50
"""Per process. At the limit, the oldest connection is closed."""

LARGEST_HEAD: Final = 2**13

STUCK: Final = 10.0
"""Seconds without an iteration after which the worker's event loop counts as stuck. It iterates each second."""


class Worker(Protocol):
    """What probes need of the worker."""

    came_round: float

    def ready(self) -> bool:
        """Check whether the worker accepts new reviews."""


def start(host: str, port: int, worker: Worker) -> None:
    """Serve in a daemon thread."""
    threading.Thread(target=lambda: asyncio.run(_serve(host, port, worker)), name="probes", daemon=True).start()


async def _serve(host: str, port: int, worker: Worker) -> None:
    connections: dict[asyncio.StreamWriter, None] = {}  # oldest first

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[writer] = None
        if len(connections) > MOST_CONNECTIONS:
            oldest = next(iter(connections))
            del connections[oldest]
            oldest.transport.abort()
        try:
            async with asyncio.timeout(PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_page(head, worker))
                writer.close()
                await writer.wait_closed()
        except (OSError, EOFError, asyncio.LimitOverrunError):  # TimeoutError is an OSError
            pass
        finally:
            connections.pop(writer, None)
            writer.transport.abort()

    server = await asyncio.start_server(answer, host, port, limit=LARGEST_HEAD, reuse_port=True)
    await server.serve_forever()


def _page(head: bytes, worker: Worker) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0]
    status, body = HTTPStatus.OK, b"ok\n"
    if method != b"GET":
        status, body = HTTPStatus.METHOD_NOT_ALLOWED, b""
    elif path == b"/metrics":
        body = telemetry.metrics()
    elif path == b"/readyz" and not worker.ready():
        status, body = HTTPStatus.SERVICE_UNAVAILABLE, b"leaving\n"
    elif path == b"/healthz" and time.monotonic() - worker.came_round > STUCK:
        status, body = HTTPStatus.SERVICE_UNAVAILABLE, b"stuck\n"
    elif path not in (b"/healthz", b"/readyz"):
        status, body = HTTPStatus.NOT_FOUND, b""
    line = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
    )
    return f"{line}Content-Length: {len(body)}\r\n\r\n".encode() + body
