"""The worker process: gunicorn's gevent worker, in which every wait for a client has an end.

Each connection is a greenlet, so that a slow client delays nobody. Nothing is monkey-patched: the worker's sockets are
gevent's own; metrics, log, locks and threads are the standard library's, for they never wait for a client.
With clients.py the door of gevent.
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
"""Seconds for a handshake, for a request from its first byte to its last, and for the client to take the response."""

USUAL: Final = 1.0
"""Seconds in which the largest request arrives from a client that is well."""

DRAIN: Final = 7.0
"""Seconds of service after SIGTERM: until the last router knows that this server leaves. They lag by up to five."""

BEGINNING: Final = 2**12
"""Bytes of a body that is too large to read; the API server says whom to answer in the first hundred."""

SPARE: Final = 16
"""Connections that may still be closing while new ones are accepted."""

MOST_HELD: Final = 10 * 2**20
"""Bytes of requests in one process, complete or not: one of the largest, or a thousand of the usual."""

THREADS: Final = 4
"""Native threads of a process, for reviews that the event loop must not compute. They share one interpreter."""


def threads() -> Callable[[Callable[[], Any]], Any]:
    """Return a function that runs another in a native thread, while the event loop goes on."""
    pool = ThreadPool(THREADS)

    def aside(function: Callable[[], Any]) -> Any:
        result = pool.apply(wrap_errors((Exception,), function))  # raised there, gevent would print it
        if isinstance(result, Exception):
            raise result
        return result

    return aside


class SentAway(BaseException):
    """The worker waits no longer for a client. Not an Exception, so that nothing on the way takes it for an error."""


class Worker(GeventWorker):
    """gunicorn's gevent worker with deadlines, eviction of the client that is longest in coming, and a drain."""

    slot = 0
    """Which of the workers this is; one that takes the place of a dead one takes its number."""
    certificate: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Until when each client is waited for, in the order in which the waits began.
        self.waiting: dict[Client, float] = {}  # for a handshake, a request, the taking of a response
        self.idle: dict[Client, float] = {}  # between two requests
        self.connections = 0
        self.held = 0  # bytes
        self.leaves_at = float("inf")
        self.came_round = time.monotonic()

    def ready(self) -> bool:
        """Tell whether new work should still be sent to this worker."""
        return bool(self.alive) and self.leaves_at == float("inf")

    def patch(self) -> None:
        """Make the listening sockets gevent's, and patch nothing, unlike gunicorn."""
        listeners: list[Any] = self.sockets
        self.sockets = [socket.socket(s.FAMILY, socket.SOCK_STREAM, fileno=s.sock.detach()) for s in listeners]

    def load_wsgi(self) -> None:
        """Put the reading of requests before the application."""
        super().load_wsgi()
        self.wsgi = partial(self._answer, self.wsgi)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as gunicorn has it
        """Begin to leave: not ready, `Connection: close` on each response, and yet everyone is served."""
        self.leaves_at = min(self.leaves_at, time.monotonic() + DRAIN)

    def notify(self) -> None:
        """Come round, each second: end the waits whose time is up; and leave, when it is time."""
        super().notify()
        self.came_round = now = time.monotonic()
        if now >= self.leaves_at:
            self.alive = False
        for client in [client for client, until in self.waiting.items() if until <= now]:
            self._send_away(client, "slow")
        for client in [client for client, until in self.idle.items() if until <= now or not self.alive]:
            self._send_away(client)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection. Its TLS begins here, so that the handshake has a deadline."""
        try:
            context = self.certificate.current()
            tls = context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):
            return  # it left
        if self.connections >= self.worker_connections - SPARE and (
            oldest := next(chain(self.waiting, self.idle), None)
        ):
            self._send_away(oldest, "full")
        tls.worker, tls.greenlet = self, gevent.getcurrent()
        self.connections += 1
        self._wait(tls, self.waiting, PATIENCE)
        try:
            with suppress(SentAway, OSError, ValueError):
                tls.do_handshake()
                self._rest(tls)
                super().handle(listener, tls, addr)
        finally:
            self._wait(tls)
            self.held -= tls.received
            self.connections -= 1
            tls.close()

    def timeout_ctx(self) -> Any:
        """Bound nothing where gunicorn would: `notify` ends the waits."""
        return nullcontext()

    def received(self, client: Client, size: int) -> None:
        """Count what came; with the first byte of a request, begin to wait for its rest. May raise SentAway."""
        if size and not client.received:
            client.arrived = time.monotonic()
            self._wait(client, self.waiting, PATIENCE)
        client.received += size
        self.held += size
        if client.received > RECORD:
            if not self._room():
                self._send_away(client, "full")
            gevent.sleep(0)  # others first

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Answer one request, the last of its connection when this worker leaves."""
        if not self.ready():
            req.force_close()
        try:
            super().handle_request(listener_name, req, sock, addr)
        finally:
            with suppress(OSError, ValueError):
                sock.sendall(b"")  # the head, where no body followed
        self._rest(sock)
        gevent.sleep(0)  # its next request may be here already: others first
        return True

    def _answer(self, app: Any, environ: dict[str, Any], start_response: Any) -> Any:
        """Read the body, have the application answer, and wait for the client to take the response."""
        client: Client = environ["gunicorn.socket"]
        declared = int(environ.get("CONTENT_LENGTH") or 0)
        if RECORD < declared <= LARGEST_BODY and not self._room(declared - client.received):
            telemetry.shed("full")
            client.refuse("503 Service Unavailable\r\nRetry-After: 1", "full: try again")
            raise StopIteration  # gunicorn's way to say that the connection ends
        if LARGEST_BODY < declared <= LARGEST_SENT:
            body = self._skim(client, environ["wsgi.input"], declared)
            environ["CONTENT_LENGTH"], environ[SKIMMED] = str(declared := len(body)), True
        else:
            body = environ["wsgi.input"].read(LARGEST_BODY + 1) if declared <= LARGEST_BODY else b""
        if max(declared, len(body)) > LARGEST_BODY:
            client.refuse("413 Request Entity Too Large", f"larger than {LARGEST_BODY} bytes")
            raise StopIteration
        if len(body) < declared:
            raise NoMoreData  # the client left
        environ["wsgi.input"] = io.BytesIO(body)
        self._wait(client)
        try:
            return app(environ, start_response)
        finally:
            client.answered = True
            self._wait(client, self.waiting, PATIENCE)

    def _skim(self, client: Client, source: Any, declared: int) -> bytes:
        """Return the beginning of a body that is too large to read, and drop the rest as it comes."""
        beginning: bytes = source.read(BEGINNING)
        left = declared - len(beginning)
        while left > 0 and (piece := source.read(min(left, RECORD))):
            left -= len(piece)
            self.held -= client.received - 1
            client.received = 1
        if left > 0:
            raise NoMoreData  # the client left
        return beginning

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Say why a connection ends, without a traceback where the client is the cause."""
        if isinstance(exc, SentAway):
            if client.told_why:
                client.refuse("503 Service Unavailable\r\nRetry-After: 1", f"{exc}: try again", linger=0)
        elif isinstance(exc, ParseException | ssl.SSLError):
            client.refuse("400 Bad Request", f"not an HTTP request: {type(exc).__name__}")
        else:
            super().handle_error(req, client, addr, exc)

    def _wait(self, client: Client, clients: dict[Client, float] | None = None, seconds: float = 0) -> None:
        """Begin another wait for a client, or none."""
        self.idle.pop(client, None)
        self.waiting.pop(client, None)
        if clients is not None:
            clients[client] = time.monotonic() + seconds

    def _rest(self, client: Client) -> None:
        """Keep a connection on which nothing is under way."""
        self.held -= client.received
        client.received, client.answered, client.head, client.arrived = 0, False, None, time.monotonic()
        self._wait(client, self.idle, self.cfg.keepalive)

    def _room(self, size: int = 0) -> bool:
        """Tell whether there is room for bytes; where not, end the waits for large requests that take long."""
        if self.held + size > MOST_HELD:
            soon = time.monotonic() + PATIENCE - USUAL
            for client in [other for other, until in self.waiting.items() if other.received > RECORD and until < soon]:
                self._send_away(client, "full")
        return self.held + size <= MOST_HELD

    def _send_away(self, client: Client, why: str = "") -> None:
        """End a wait. A client that was saying something hears why."""
        if why:
            telemetry.shed(why)
        self._wait(client)
        client.told_why = client.received > 0 and not client.answered
        self.held -= client.received
        client.received = 0  # what it holds is as good as gone
        client.greenlet.kill(SentAway(why), block=False)
