"""Speak to the server byte by byte, as no client would."""

import contextlib
import http.client
import ssl
from typing import Final

from tests.support.bodies import REVIEW

HEAD: Final = b"POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WHOLE: Final = HEAD + b"Content-Length: %d\r\n\r\n" % len(REVIEW) + REVIEW


def answered(raw: ssl.SSLSocket) -> tuple[http.client.HTTPResponse, bytes]:
    """Read one answer."""
    response = http.client.HTTPResponse(raw)
    response.begin()
    return response, response.read()


def everything(raw: ssl.SSLSocket) -> bytes:
    """Return all that comes until the server ends the connection."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := raw.recv(2**16):
            received += piece
    return received
