"""A client's TLS connection that never blocks, and what has come of its next request. A door of gunicorn."""

import errno
import json
import socket
import ssl
import time
from contextlib import suppress
from typing import Any, Final, cast

from gunicorn import http, util
from gunicorn.http.unreader import Unreader
from gunicorn.sock import ssl_wrap_socket
from gunicorn.workers.gthread import TConn

from webhook import framing

RECORD: Final = 2**14
"""The most that TLS gives at once. Who asks for less leaves a rest where the event loop does not see it."""

BRIEF: Final = 2**15
"""Bytes of a request that is answered sooner than a thread has been told of it."""

BRIEF_MAPS: Final = 1000
"""Of the maps in it; at 0.1 ms for each of those that are made to be dear, it ends in 0.1 s."""

RECORDS_AT_ONCE: Final = 16
"""Then it is the next client's turn."""


class Socket(ssl.SSLSocket):
    """A TLS socket that never blocks: what the client does not take yet stays in `unsent`."""

    arrived: float
    """When the first byte of the request came, by time.monotonic()."""

    unsent: bytearray

    def setblocking(self, flag: bool) -> None:  # noqa: ARG002, FBT001 - gunicorn wants blocking sockets for its threads
        """Stay as it is."""
        self.settimeout(0)

    def sendall(self, data: Any, flags: int = 0) -> None:  # noqa: ARG002 - as sockets have it
        """Keep it for flush, so that head and body of an answer leave together."""
        self.unsent += data

    def flush(self) -> None:
        """Send of what is unsent as much as the client takes now."""
        with suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError):
            while self.unsent:
                del self.unsent[: self.send(self.unsent)]


class Gathered(Unreader):
    """What was received, for gunicorn's parser: in pieces, because it copies again and again what it has not used."""

    def __init__(self) -> None:
        super().__init__()
        self.received, self.at = bytearray(), 0

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return the next piece; at the end nothing, as if the client had left."""
        piece = bytes(self.received[self.at : self.at + max(RECORD, size_hint or 0)])
        self.at += len(piece)
        return piece

    def rest(self) -> bytes:
        """Take all that nobody used."""
        rest = self.take_buffered() + bytes(self.received[self.at :])
        self.received, self.at = bytearray(), 0
        return rest


class Connection(TConn):
    """A client, and what it has sent of its next request."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, sock, client, server)
        self.tls = self.sock = cast("Socket", ssl_wrap_socket(sock, cfg))
        self.tls.unsent = bytearray()
        self.shaken = False
        self.leaving = False
        self.turn = 0
        """Counts the waits, so that what was to end one does not end the next."""
        self.parser: Any = None
        self.gathered = Gathered()
        self.next_request()

    def next_request(self) -> None:
        """Begin the next request, with what came of it along with the last one."""
        self._begin(self.gathered.rest())

    def _begin(self, received: bytes) -> None:
        self.received = bytearray(received)
        self.frame = framing.frame(self.received)
        self.tls.arrived = time.monotonic()
        self.whole = False
        self.size = 0
        """Bytes of the request that a thread has now."""

    def gather(self) -> bool:
        """Read what is here; tell whether a thread can judge it. Raises OSError: its SSLWants say what to wait for."""
        if not self.shaken:
            self.tls.do_handshake()
            self.shaken = self.initialized = True
            self.parser = http.get_parser(self.cfg, self.tls, self.client)
            self.parser.unreader = self.gathered
        for _ in range(RECORDS_AT_ONCE):
            if self._framed():
                return True
            piece = self.tls.recv(RECORD)
            if not piece:
                raise ConnectionResetError(errno.ECONNRESET, "the client left")
            if not self.received:
                self.tls.arrived = time.monotonic()
            self.received += piece
        return self._framed()

    def _framed(self) -> bool:
        try:
            next(self.frame)
        except StopIteration as end:
            self.whole = end.value
            return True
        return False

    def hand_over(self) -> bool:
        """Give what was gathered to gunicorn's parser; tell whether it is brief."""
        self.size = len(self.received)
        brief = self.size <= BRIEF and self.received.count(b"{") <= BRIEF_MAPS
        self.gathered.received, self.received = self.received, bytearray()
        return brief

    def pass_over(self) -> bool:
        """Pass over what nobody read of a request's body; tell whether the next request begins there."""
        body = self.parser.mesg.body
        try:
            while body.read(2**20):
                pass
        except Exception:  # noqa: BLE001 - whatever gunicorn raises at a broken chunk
            return False
        self.gathered.unread(self.gathered.rest())  # where gunicorn looks for a next request
        return True

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 - as gunicorn has it
        """Close; gracefully: say that nothing more will come, and leave the rest to the event loop."""
        if not graceful:
            util.close(self.sock)
            return
        self.leaving = True
        with suppress(OSError, ValueError):
            self.tls.unwrap()  # sends TLS's goodbye; the client's own we do not wait for
        with suppress(OSError):
            self.tls.shutdown(socket.SHUT_WR)


def refuse(client: Any, status: str, reason: str) -> None:
    """Write an answer that ends the connection, as app.py writes its refusals."""
    body = json.dumps({"reason": reason}) + "\n"
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    client.sendall(f"{head}\r\n\r\n{body}".encode())
