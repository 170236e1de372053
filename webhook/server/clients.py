"""A client's TLS connection, as gevent has it: what arrives is counted, and refusals are written in one form."""

from contextlib import suppress
from typing import Any, Final, Protocol

import gevent
from gevent import socket, ssl

from webhook.server.app import reason

LINGER: Final = 2.0
"""Seconds that a client may go on sending after its refusal: closed at once, it would lose that (RFC 9112, 9.6)."""

RECORD: Final = 2**14
"""Bytes of a TLS record. A request that fits into one is small, and is never sent away for its size."""


class Worker(Protocol):
    """What a client tells its worker."""

    def received(self, client: "Client", size: int) -> None:
        """Count bytes that came."""


class Client(ssl.SSLSocket):
    """A client's TLS connection, which tells its worker what arrives."""

    worker: Worker
    greenlet: "gevent.Greenlet[..., Any]"
    arrived = 0.0
    """When the first byte of the request came, by time.monotonic()."""
    received = 0
    """Bytes of the request so far."""
    answered = False
    """Whether the response may have begun."""
    head: bytes | None = None
    """The head of the response while it waits for the body; empty once it has left."""
    told_why = False
    """Whether it hears why it is sent away: it was in the middle of a request."""

    def recv(self, buflen: int = RECORD, flags: int = 0) -> bytes:
        """Return what the client sent, and nothing when it left, however it left."""
        try:
            data: bytes = super().recv(buflen, flags)
        except (OSError, ValueError):
            return b""
        self.worker.received(self, len(data))
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send data; the head of a response, which gunicorn sends alone, leaves with the body in one system call."""
        if self.answered and self.head is None:
            self.head = data
        else:
            data, self.head = (self.head or b"") + data, b""
            super().sendall(data, flags)

    def refuse(self, status: str, why: str, linger: float = LINGER) -> None:
        """Write a response that ends the connection, and let the client finish what it is sending."""
        body = reason(why)
        head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        ends_quietly: Any = False  # missing in gevent's types
        with suppress(OSError, ValueError), gevent.Timeout(linger, ends_quietly):
            self.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            self.shutdown(socket.SHUT_WR)
            while super().recv(RECORD):
                gevent.sleep(0)


def tls() -> ssl.SSLContext:
    """Return a context that makes Clients of connections, as yet without a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = Client
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
