"""The port of observation: GET /healthz, /readyz, /metrics over plain HTTP, in a thread of each worker process.

Reviews and probes never wait for each other: the thread has an asyncio loop of its own. All workers share the port
(SO_REUSEPORT), so that a worker that hangs fails its share.
"""

import asyncio
import threading
import time
from http import HTTPStatus
from typing import Final, Protocol

from webhook.server import telemetry

PATIENCE: Final = 2.0
"""Seconds for a whole exchange. Probes wait one by default."""

MOST_CONNECTIONS: Final = 50
"""Of one process. When one more comes, he goes who has been here longest."""

LARGEST_HEAD: Final = 2**13

STUCK: Final = 10.0
"""Seconds after which an event loop that has not come round counts as stuck; it comes round each second."""


class Worker(Protocol):
    """What probes ask of the worker."""

    came_round: float

    def ready(self) -> bool:
        """Tell whether new reviews are welcome."""


def start(host: str, port: int, worker: Worker) -> None:
    """Answer in a thread of its own, as long as the process lives."""
    threading.Thread(target=lambda: asyncio.run(_serve(host, port, worker)), name="probes", daemon=True).start()


async def _serve(host: str, port: int, worker: Worker) -> None:
    visitors: dict[asyncio.StreamWriter, None] = {}  # in the order in which they came

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitors[writer] = None
        if len(visitors) > MOST_CONNECTIONS:
            longest = next(iter(visitors))
            del visitors[longest]
            longest.transport.abort()
        try:
            async with asyncio.timeout(PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_page(head, worker))
                writer.close()
                await writer.wait_closed()
        except (OSError, EOFError, asyncio.LimitOverrunError):  # TimeoutError is an OSError
            pass
        finally:
            visitors.pop(writer, None)
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
