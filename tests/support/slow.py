"""Clients that hold a server up: silent, dripping, half closed, never reading. Each comes back when it is sent away."""

import asyncio
import itertools
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from tests.support.server import Server, review
from webhook.objects.model import Object, Request

DRIP: Final = 0.3  # seconds between two bytes
HEAD: Final = b"POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n"

CONTAINERS: Final = [{"name": f"c{number}", "securityContext": {"runAsUser": 1}} for number in range(300)]
LARGE: Final[Object] = {"apiVersion": "v1", "kind": "PodTemplate", "template": {"spec": {"containers": CONTAINERS}}}
BODY: Final = review(Request("PodTemplate", "CREATE", LARGE, uid="never-reads"))
LARGE_ANSWER: Final = HEAD.replace(b"60000", str(len(BODY)).encode()) + b"\r\n" + BODY

Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _one_byte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16")
    await reader.read()


async def _drips_header(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in itertools.cycle(HEAD + b"X-Drip: "):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(DRIP)


async def _drips_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(DRIP)


async def _drips_after_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD.replace(b"60000", b"2") + b"\r\n{}")
    await reader.readuntil(b"}\n")
    await _drips_header(reader, writer)


async def _half_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16")
    writer.write_eof()
    await asyncio.sleep(60)


async def _never_reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.pause_reading()  # type: ignore[attr-defined] # every transport that reads has it
    writer.write(LARGE_ANSWER * 200)
    await writer.drain()
    await asyncio.sleep(60)


ATTACKS: Final[dict[str, tuple[bool, Attack]]] = {
    "silent": (False, _silent),
    "one byte of ClientHello": (False, _one_byte),
    "silent after the handshake": (True, _silent),
    "dripping header": (True, _drips_header),
    "dripping body": (True, _drips_body),
    "dripping after an answer": (True, _drips_after_an_answer),
    "half closed": (False, _half_closed),
    "never reading": (True, _never_reads),
}
"""Whether each speaks TLS, and what it does then."""


async def _attacker(server: Server, name: str, trust: ssl.SSLContext, opened: list[socket.socket]) -> None:
    tls, attack = ATTACKS[name]
    while True:
        with suppress(OSError, ValueError):
            opened.append(plain := socket.socket())
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            plain.setblocking(False)
            await asyncio.get_running_loop().sock_connect(plain, (server.host, server.port))
            reader, writer = await asyncio.open_connection(
                sock=plain, ssl=trust if tls else None, server_hostname="localhost" if tls else None
            )
            try:
                await attack(reader, writer)
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.05)


@contextmanager
def attacked(server: Server, names: list[str], count: int) -> Iterator[None]:
    """Let `count` attackers of the named sorts, one after the other, at a server until the end of the block."""
    loop = asyncio.new_event_loop()
    trust = server.trust()
    opened: list[socket.socket] = []  # asyncio leaves one open whose handshake ends in the middle

    async def attack() -> None:
        await asyncio.gather(
            *(_attacker(server, name, trust, opened) for name in itertools.islice(itertools.cycle(names), count))
        )

    task = loop.create_task(attack())

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.run_until_complete(asyncio.sleep(0.1))
        loop.close()
        for connection in opened:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
