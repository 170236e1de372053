"""What several tests of the server share."""

import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.support.server import Server


@pytest.fixture
def raw(server: Server) -> Iterator[ssl.SSLSocket]:
    plain = socket.create_connection((server.host, server.port), timeout=10)
    with server.trust().wrap_socket(plain, server_hostname="localhost") as wrapped:
        yield wrapped
