"""The worker process: no thread ever waits for a client. Extends gunicorn's threaded worker; with serving.py its door.

gunicorn's own gives a thread to whoever connects, and there waits for handshake, request and the taking of the answer:
as many slow clients as threads stop everything. Here the event loop does all waiting, and answers what is brief itself;
of the rest a thread gets a whole request and leaves a whole answer. Every wait has an end, and where room runs out, he
who has waited longest goes: a client that is well is done in milliseconds, so it is never he.
"""

import errno
import selectors
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any, Final, cast

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from webhook import observe
from webhook.connections import RECORD, Connection, refuse

PATIENCE: Final = 5.0
"""Seconds for a handshake, for a request from its first byte to its last, for an answer to be taken.

The API server's whole review has 5 in our configuration, and needs milliseconds.
"""

LINGER: Final = 2.0
"""Seconds that a client may go on sending after our last word: closed at once, it would lose that (RFC 9112, 9.6)."""

DRAIN: Final = 7.0
"""Seconds that we go on accepting after SIGTERM: until the last router knows that we leave. They lag by up to five."""

MOST_HELD: Final = 10 * 2**20
"""Bytes of requests in one process, whole or not: one of the largest, or a thousand of the usual.

With two of the largest, two processes took 420 MiB (`python -m bench.curve`); with this 280 to 310.
"""

NO_ROOM: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Worker(ThreadWorker):
    """gunicorn's threaded worker, with the waiting done in its event loop."""

    slot = 0
    """Which of the workers this is; one that takes a dead one's place takes its number."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: dict[Connection, float] = {}  # until when, in the order in which the waits began
        self.held = 0  # bytes of the requests that threads have
        self.leaves_at = float("inf")

    def ready(self) -> bool:
        """Tell whether new work should still be sent to this worker."""
        return self.alive and self.leaves_at == float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as gunicorn has it
        """Begin to leave: not ready any more, `Connection: close` on every answer, and yet everyone is served."""
        if self.ready():
            self.leaves_at = time.monotonic() + DRAIN
            self.max_keepalived = 0  # gunicorn closes what is more than this
            self.method_queue.defer(lambda: None)

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection; where there is no room, he goes who has waited longest."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in NO_ROOM and not self._make_room():
                self.set_accept_enabled(False)  # until the loop comes round
            return
        try:
            connection = Connection(self.cfg, client, address, listener.getsockname())
        except (OSError, ValueError):
            client.close()
            return
        self.nr_conns += 1
        self.enqueue_req(connection)
        while self.nr_conns >= self.worker_connections and self._make_room():
            pass

    def enqueue_req(self, conn: TConn) -> None:
        """Answer a request, or give it to a thread, once it is whole."""
        connection = cast("Connection", conn)
        connection.next_request()
        self._gather(connection)

    def _gather(self, connection: Connection) -> None:
        try:
            whole = connection.gather()
        except ssl.SSLWantReadError:
            whole = False
        except ssl.SSLWantWriteError:
            self._wait(connection, selectors.EVENT_WRITE, self._gather)
            return
        except (OSError, ValueError):
            self._drop(connection)
            return
        if whole:
            self.waiting.pop(connection, None)
            brief = connection.hand_over()
            self.held += connection.size
            if brief:
                answered: Future[bool] = Future()
                answered.set_result(self.handle(connection))
                self.method_queue.defer(self.finish_request, connection, answered)
            else:
                super().enqueue_req(connection)
        elif connection.shaken and not connection.received:
            self._idle(connection)
        else:
            self._wait(connection, selectors.EVENT_READ, self._gather)
            if len(connection.received) > RECORD:
                self._lighten()

    def _lighten(self) -> None:
        """Send away who holds much and has waited longest, as long as too much is held."""
        large = [connection for connection in self.waiting if len(connection.received) > RECORD]
        while large and self.held + sum(len(connection.received) for connection in self.waiting) > MOST_HELD:
            self._send_away(large.pop(0), "full", then=self._let_go)

    def _wait(
        self, connection: Connection, event: int, then: Callable[[Connection], None], patience: float = PATIENCE
    ) -> None:
        turn = connection.turn = connection.turn + 1

        def go_on(_socket: object) -> None:
            if turn == connection.turn:  # else the same round of the loop has sent it away
                self.poller.unregister(connection.tls)
                then(connection)

        self.waiting.setdefault(connection, time.monotonic() + patience)
        self.poller.register(connection.tls, event, go_on)

    def _idle(self, connection: Connection) -> None:
        """Keep a connection on which nothing is under way."""
        self.waiting.pop(connection, None)
        connection.set_timeout()
        self.keepalived_conns.append(connection)
        self.poller.register(connection.tls, selectors.EVENT_READ, partial(self.on_client_socket_readable, connection))

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Go on with a connection that was kept, unless the same round of the loop has sent it away."""
        if client.fileno() >= 0:
            super().on_client_socket_readable(conn, client)

    def finish_request(self, conn: TConn, fs: Future[bool]) -> None:
        """Go on when the client has the whole answer."""
        connection = cast("Connection", conn)
        self.held -= connection.size
        self._deliver(fs, connection)

    def _deliver(self, future: Future[bool], connection: Connection) -> None:
        try:
            connection.tls.flush()
        except (OSError, ValueError):
            self._drop(connection)
            return
        if connection.tls.unsent:
            self._wait(connection, selectors.EVENT_WRITE, partial(self._deliver, future))
            return
        self.waiting.pop(connection, None)
        super().finish_request(connection, future)
        if connection.leaving:
            self.nr_conns += 1  # gunicorn counted it off; it is here yet
            self._last_words(connection)

    def _let_go(self, connection: Connection) -> None:
        connection.received = bytearray()
        connection.close(graceful=True)
        self._last_words(connection)

    def _last_words(self, connection: Connection) -> None:
        """Let the client finish what it is saying; nobody listens."""
        try:
            if not connection.tls.recv(RECORD):
                self._drop(connection)
                return
        except BlockingIOError:
            pass
        except (OSError, ValueError):
            self._drop(connection)
            return
        self._wait(connection, selectors.EVENT_READ, self._last_words, LINGER)

    def _drop(self, connection: Connection) -> None:
        self.waiting.pop(connection, None)
        self.nr_conns -= 1
        connection.close()

    def _make_room(self) -> bool:
        """Send away who has waited longest; tell whether there was anyone."""
        longest = next(iter(self.waiting), None) or next(iter(self.keepalived_conns), None)
        if longest is not None:
            self._send_away(cast("Connection", longest), "full")
        return longest is not None

    def _send_away(self, connection: Connection, why: str, then: Callable[[Connection], None] | None = None) -> None:
        """End a wait; who was saying something hears why."""
        connection.turn += 1
        self.poller.unregister(connection.tls)
        if self.waiting.pop(connection, None) is None:
            self.keepalived_conns.remove(connection)
        if not connection.leaving:
            observe.shed(why)
        if connection.received and not connection.tls.unsent:
            refuse(connection.tls, "503 Service Unavailable\r\nRetry-After: 1", f"{why}: try again")
            with suppress(OSError, ValueError):
                connection.tls.flush()
        (then or self._drop)(connection)

    def murder_pending(self) -> None:
        """Send away everyone whose time is up; and leave, when ours is."""
        now = time.monotonic()
        for connection in [connection for connection, until in self.waiting.items() if until <= now]:
            self._send_away(connection, "slow")
        if now >= self.leaves_at:
            self.alive = False

    def handle(self, conn: TConn) -> bool:
        """Answer a request."""
        keep = bool(super().handle(conn))
        with suppress(OSError, ValueError):  # the loop meets it again
            cast("Connection", conn).tls.flush()
        return keep

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Answer; where the rest of a request stays unread, say that the connection ends with it."""
        if not cast("Connection", conn).whole:
            req.force_close()
        return bool(super().handle_request(req, conn))

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:  # noqa: FBT001 - as gunicorn has it
        """Pass over what nobody read of a body; it is here, and need not be waited for as gunicorn would."""
        return keepalive and cast("Connection", conn).pass_over()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Refuse what is no HTTP as app.py refuses what is no review; anything else is for gunicorn to report."""
        if isinstance(exc, ParseException | ssl.SSLError):
            refuse(client, "400 Bad Request", f"not an HTTP request: {type(exc).__name__}")
        else:
            super().handle_error(req, client, addr, exc)
