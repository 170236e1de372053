"""Where a request ends: chunks, `Expect: 100-continue` and TLS, spoken wrongly."""

import contextlib
import socket
import ssl
import time
import warnings
from pathlib import Path

import pytest

from certs import authority
from tests.support.bodies import REVIEW
from tests.support.raw import HEAD, WHOLE, answered, everything
from tests.support.server import Server
from webhook.server.certificate import Certificate
from webhook.server.worker import PATIENCE

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "chunks",
    [
        b"-5\r\n" + b" " * 99,
        b"ZZ\r\n",
        b"\r\n",
        b"2\r\nabcd\r\n",
        b"1" * 9000,
        b"0" + b"1" * 400 + b"\r\n" + b" " * 2**23,
    ],
)
def test_a_broken_chunk_is_not_waited_for(raw: ssl.SSLSocket, chunks: bytes) -> None:
    start = time.monotonic()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        raw.sendall(CHUNKED + chunks)
    assert everything(raw).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))
    assert time.monotonic() - start < 4


def test_a_request_in_chunks_ends_with_its_trailers(raw: ssl.SSLSocket) -> None:
    chunks = b"5;x=y\r\n" + REVIEW[:5] + b"\r\n%x\r\n" % len(REVIEW[5:]) + REVIEW[5:] + b"\r\n0\r\nT: x\r\n\r\n"
    raw.sendall(CHUNKED + chunks + WHOLE.replace(b"Host: x", b"Host: x\r\nConnection: close"))
    assert everything(raw).count(b"HTTP/1.1 200 ") == 2


def test_chunks_of_one_byte_end_too(raw: ssl.SSLSocket) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        raw.sendall(CHUNKED + b"1\r\n \r\n" * 20_000 + b"0\r\n\r\n")
    assert answered(raw)[0].status == 400


def test_a_client_that_waits_for_100_is_told_to_go_on(raw: ssl.SSLSocket) -> None:
    head, _, body = WHOLE.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue").partition(b"\r\n\r\n")
    start = time.monotonic()
    raw.sendall(head + b"\r\n\r\n")
    assert raw.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n")
    raw.sendall(body)
    assert answered(raw)[0].status == 200
    assert time.monotonic() - start < 2


def test_tls_is_1_2_or_newer(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "serving.pem"
    ca = authority.authority("test", ["localhost"], days=1)
    path.write_bytes(authority.serving(ca, ["localhost"], days=1).pem())
    assert Certificate(path, None).context().minimum_version == ssl.TLSVersion.TLSv1_2
    context = server.trust()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection((server.host, server.port), timeout=5) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize(
    "sent", [b"POST /mutate HTTP/1.1\r\n\r\n", b"\x00" * 1000, b"\x16\x03\x01\xff\xff" + b"x" * 999]
)
def test_who_speaks_no_tls_is_closed_without_a_word_in_the_log(server: Server, sent: bytes) -> None:
    before = server.log.read_text()
    with socket.create_connection((server.host, server.port), timeout=PATIENCE + 3) as plain:
        plain.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            while answer := plain.recv(4096):
                assert b"HTTP" not in answer
    assert server.log.read_text() == before
