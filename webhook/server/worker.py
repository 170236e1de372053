"""The worker process: gunicorn's gevent worker, with a deadline for every wait for a client.

Each connection is a greenlet, so that a slow client delays no other. Nothing is monkey-patched. Only sockets are
gevent's; metrics, logs, locks and threads never wait for a client. Only this module and clients.py import gevent.
"""

import io
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from itertools import chain
from types import FrameType
from typing import Any, Final

import gevent
from gevent import socket, ssl
from gevent.threadpool import ThreadPool
from gevent.util import wrap_errors
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.workers.ggevent import GeventWorker

from webhook.server import telemetry
from webhook.server.app import LARGEST_BODY, LARGEST_SENT, SKIMMED
from webhook.server.clients import RECORD, Client

PATIENCE: Final = 5.0
"""Seconds for a handshake, for receiving a request, and for the client to read the response."""

USUAL: Final = 1.0
"""Seconds in which a healthy client sends the largest request."""

DRAIN: Final = 7.0
"""Seconds of service after SIGTERM. Routers take up to five to stop sending requests."""

BEGINNING: Final = 2**12
"""Bytes to parse of a body that is too large. Its first hundred have the uid of the review."""

SPARE: Final = 16
"""Connections that may still be closing when new ones are accepted."""

MOST_HELD: Final = 10 * 2**20
"""Bytes of buffered requests per process: one of the largest size, or a thousand typical ones."""

THREADS: Final = 4
"""Native threads per process, for reviews that would block the event loop. They share the interpreter lock."""


def threads() -> Callable[[Callable[[], Any]], Any]:
    """Return a function that runs another in a native thread without blocking the event loop."""
    pool = ThreadPool(THREADS)

    def aside(function: Callable[[], Any]) -> Any:
        result = pool.apply(wrap_errors((Exception,), function))  # gevent prints exceptions that leave the thread
        if isinstance(result, Exception):
            raise result
        return result

    return aside


class Evicted(BaseException):
    """Evicts a client. Not an Exception, so that no handler on the way catches it."""


class Worker(GeventWorker):
    """gunicorn's gevent worker with deadlines, eviction of the longest-waiting client, and a drain."""

    slot = 0
    """The number of this worker. A replacement takes the number of the dead one."""
    certificate: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Clients and their deadlines, longest-waiting first.
        self.waiting: dict[Client, float] = {}  # handshake, request, or the client reading the response
        self.idle: dict[Client, float] = {}  # between requests
        self.connections = 0
        self.held = 0  # bytes
        self.leaves_at = float("inf")
        self.came_round = time.monotonic()

    def ready(self) -> bool:
        """Check whether this worker should receive new reviews."""
        return bool(self.alive) and self.leaves_at == float("inf")

    def patch(self) -> None:
        """Convert the listening sockets to gevent's. Unlike gunicorn's, this patches nothing."""
        listeners: list[Any] = self.sockets
        self.sockets = [socket.socket(s.FAMILY, socket.SOCK_STREAM, fileno=s.sock.detach()) for s in listeners]

    def load_wsgi(self) -> None:
        """Wrap the application in `_answer`, which reads the body."""
        super().load_wsgi()
        self.wsgi = partial(self._answer, self.wsgi)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as gunicorn has it
        """Start to drain: report not ready, keep serving, send `Connection: close`."""
        self.leaves_at = min(self.leaves_at, time.monotonic() + DRAIN)

    def notify(self) -> None:
        """Evict clients past their deadline, and stop at the end of the drain. Called each second."""
        super().notify()
        self.came_round = now = time.monotonic()
        if now >= self.leaves_at:
            self.alive = False
        for client in [client for client, until in self.waiting.items() if until <= now]:
            self._evict(client, "slow")
        for client in [client for client, until in self.idle.items() if until <= now or not self.alive]:
            self._evict(client)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection, including its TLS handshake, which has a deadline."""
        try:
            context = self.certificate.context()
            tls = context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):
            return  # disconnected
        if self.connections >= self.worker_connections - SPARE and (
            oldest := next(chain(self.waiting, self.idle), None)
        ):
            self._evict(oldest, "full")
        tls.worker, tls.greenlet = self, gevent.getcurrent()
        self.connections += 1
        self._wait(tls, self.waiting, PATIENCE)
        try:
            with suppress(Evicted, OSError, ValueError):
                tls.do_handshake()
                self._rest(tls)
                super().handle(listener, tls, addr)
        finally:
            self._wait(tls)
            self.held -= tls.received
            self.connections -= 1
            tls.close()

    def timeout_ctx(self) -> Any:
        """Disable gunicorn's own timeout: `notify` enforces the deadlines."""
        return nullcontext()

    def received(self, client: Client, size: int) -> None:
        """Count received bytes. Set the request's deadline at its first byte. May raise Evicted."""
        if size and not client.received:
            client.arrived = time.monotonic()
            self._wait(client, self.waiting, PATIENCE)
        client.received += size
        self.held += size
        if client.received > RECORD:
            if not self._room():
                self._evict(client, "full")
            gevent.sleep(0)  # let other clients run

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Answer one request. While draining, it is the last of its connection."""
        if not self.ready():
            req.force_close()
        try:
            super().handle_request(listener_name, req, sock, addr)
        finally:
            with suppress(OSError, ValueError):
                sock.sendall(b"")  # flush the head of a response without a body
        self._rest(sock)
        gevent.sleep(0)  # let other clients run before its next request
        return True

    def _answer(self, app: Any, environ: dict[str, Any], start_response: Any) -> Any:
        """Read the body, call the application, and set the deadline for reading the response."""
        client: Client = environ["gunicorn.socket"]
        declared = int(environ.get("CONTENT_LENGTH") or 0)
        if RECORD < declared <= LARGEST_BODY and not self._room(declared - client.received):
            telemetry.shed("full")
            client.refuse("503 Service Unavailable\r\nRetry-After: 1", "full: try again")
            raise StopIteration  # makes gunicorn close the connection
        if LARGEST_BODY < declared <= LARGEST_SENT:
            body = self._skim(client, environ["wsgi.input"], declared)
            environ["CONTENT_LENGTH"], environ[SKIMMED] = str(declared := len(body)), True
        else:
            body = environ["wsgi.input"].read(LARGEST_BODY + 1) if declared <= LARGEST_BODY else b""
        if max(declared, len(body)) > LARGEST_BODY:
            client.refuse("413 Request Entity Too Large", f"larger than {LARGEST_BODY} bytes")
            raise StopIteration
        if len(body) < declared:
            raise NoMoreData  # the client disconnected
        environ["wsgi.input"] = io.BytesIO(body)
        self._wait(client)
        try:
            return app(environ, start_response)
        finally:
            client.answered = True
            self._wait(client, self.waiting, PATIENCE)

    def _skim(self, client: Client, source: Any, declared: int) -> bytes:
        """Return the beginning of a body that is too large, and discard the rest."""
        beginning: bytes = source.read(BEGINNING)
        left = declared - len(beginning)
        while left > 0 and (piece := source.read(min(left, RECORD))):
            left -= len(piece)
            self.held -= client.received - 1
            client.received = 1
        if left > 0:
            raise NoMoreData  # the client disconnected
        return beginning

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Send an error response. Log no traceback for errors of the client."""
        if isinstance(exc, Evicted):
            if client.told_why:
                client.refuse("503 Service Unavailable\r\nRetry-After: 1", f"{exc}: try again", linger=0)
        elif isinstance(exc, ParseException | ssl.SSLError):
            client.refuse("400 Bad Request", f"not an HTTP request: {type(exc).__name__}")
        else:
            super().handle_error(req, client, addr, exc)

    def _wait(self, client: Client, clients: dict[Client, float] | None = None, seconds: float = 0) -> None:
        """Set or remove the deadline of a client."""
        self.idle.pop(client, None)
        self.waiting.pop(client, None)
        if clients is not None:
            clients[client] = time.monotonic() + seconds

    def _rest(self, client: Client) -> None:
        """Mark a connection as idle."""
        self.held -= client.received
        client.received, client.answered, client.head, client.arrived = 0, False, None, time.monotonic()
        self._wait(client, self.idle, self.cfg.keepalive)

    def _room(self, size: int = 0) -> bool:
        """Check whether more bytes fit. If not, first evict slow clients with large requests."""
        if self.held + size > MOST_HELD:
            soon = time.monotonic() + PATIENCE - USUAL
            for client in [other for other, until in self.waiting.items() if other.received > RECORD and until < soon]:
                self._evict(client, "full")
        return self.held + size <= MOST_HELD

    def _evict(self, client: Client, why: str = "") -> None:
        """Evict a client. In the middle of a request, it gets a 503."""
        if why:
            telemetry.shed(why)
        self._wait(client)
        client.told_why = client.received > 0 and not client.answered
        self.held -= client.received
        client.received = 0  # its buffers are freed now
        client.greenlet.kill(Evicted(why), block=False)
