"""A client's TLS connection on gevent: count received bytes, write error responses."""

from contextlib import suppress
from typing import Any, Final, Protocol

import gevent
from gevent import socket, ssl

from webhook.server.app import reason

LINGER: Final = 2.0
"""Seconds to keep reading after an error response. Closing at once can make the client lose it (RFC 9112, 9.6)."""

RECORD: Final = 2**14
"""Bytes of a TLS record. A request that fits into one is small and is never evicted for its size."""


class Worker(Protocol):
    """What a client needs of its worker."""

    def received(self, client: "Client", size: int) -> None:
        """Count received bytes."""


class Client(ssl.SSLSocket):
    """A client's TLS connection. It reports received bytes to its worker."""

    worker: Worker
    greenlet: "gevent.Greenlet[..., Any]"
    arrived = 0.0
    """When the first byte of the request arrived, by time.monotonic()."""
    received = 0
    """Bytes of the request received so far."""
    answered = False
    """Whether the response may have started."""
    head: bytes | None = None
    """The head of the response until its body follows; empty once it is sent."""
    told_why = False
    """Whether an evicted client gets a 503: only in the middle of a request."""

    def recv(self, buflen: int = RECORD, flags: int = 0) -> bytes:
        """Return received bytes, or none if the client has disconnected in any way."""
        try:
            data: bytes = super().recv(buflen, flags)
        except (OSError, ValueError):
            return b""
        self.worker.received(self, len(data))
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send data. Hold back the head of a response, to send it with the body in one system call."""
        if self.answered and self.head is None:
            self.head = data
        else:
            data, self.head = (self.head or b"") + data, b""
            super().sendall(data, flags)

    def refuse(self, status: str, why: str, linger: float = LINGER) -> None:
        """Send an error response, then drain what the client is still sending."""
        body = reason(why)
        head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        ends_quietly: Any = False  # missing in gevent's types
        with suppress(OSError, ValueError), gevent.Timeout(linger, ends_quietly):
            self.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            self.shutdown(socket.SHUT_WR)
            while super().recv(RECORD):
                gevent.sleep(0)


def tls() -> ssl.SSLContext:
    """Return a TLS context whose sockets are Clients. It has no certificate yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = Client
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
