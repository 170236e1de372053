"""Reviews at a steady rate from clients that keep their connections, as the API server does: one sample per request."""

import asyncio
import itertools
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from tests.support.server import Server


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: when it began, how long it took, and the answer; without an answer, status 0 and why."""

    began: float
    seconds: float
    status: int
    close: bool
    answer: bytes = b""
    why: str = ""
    body: int = 0
    """Which of the bodies it was."""
    opened: float = 0.0
    """When its connection was there; where none came about, when it began."""


class Client:
    """One connection at a time, opened again when the server ends it."""

    def __init__(self, server: Server, trust: ssl.SSLContext) -> None:
        self.server, self.trust = server, trust
        self.opened = 0.0
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes, path: str = "/mutate?timeout=10s") -> Sample:
        """Send one review."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(30):
                status, close, answer = await self._exchange(body, path)
        except (OSError, EOFError) as error:  # a TimeoutError is an OSError
            self.end()
            why = f"{type(error).__name__}: {error}"
            return Sample(began, time.monotonic() - began, 0, close=True, why=why, opened=self.opened)
        if close:
            self.end()
        return Sample(began, time.monotonic() - began, status, close, answer, opened=self.opened)

    async def _exchange(self, body: bytes, path: str) -> tuple[int, bool, bytes]:
        if self.streams and self.streams[0].at_eof():  # Go's client, too, sees that an idle connection was closed
            self.end()
        if self.streams is None:
            self.opened = time.monotonic()
            self.streams = await asyncio.open_connection(
                self.server.host, self.server.port, ssl=self.trust, server_hostname="localhost", limit=2**20
            )
            self.opened = time.monotonic()
        reader, writer = self.streams
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        writer.write(f"{head}\r\n\r\n".encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        fields = dict(line.split(b": ", 1) for line in lines[1:] if line)
        answer = await reader.readexactly(int(fields[b"content-length"]))
        return int(lines[0].split()[1]), fields.get(b"connection") == b"close", answer

    def end(self) -> None:
        """Close the connection."""
        if self.streams and not self.streams[1].is_closing():
            self.streams[1].transport.abort()
        self.streams = None


@contextmanager
def loaded(
    server: Server, bodies: Sequence[bytes], clients: int = 10, pause: float = 0.1, per_connection: int = 1000
) -> Iterator[list[Sample]]:
    """Send the bodies in turn, from so many clients that pause between theirs, until the end of the block."""
    samples: list[Sample] = []
    turn, stop, trust = itertools.cycle(enumerate(bodies)), threading.Event(), server.trust()

    async def client(number: int) -> None:
        mine = Client(server, trust)
        await asyncio.sleep(pause * number / clients)
        for sent in itertools.count(1):
            if stop.is_set():
                break
            which, body = next(turn)
            sample = replace(await mine.post(body), body=which)
            samples.append(sample)
            if sent % per_connection == 0:
                mine.end()
            await asyncio.sleep(max(0.0, pause - sample.seconds))
        mine.end()

    async def everyone() -> None:
        await asyncio.gather(*map(client, range(clients)))

    thread = threading.Thread(target=lambda: asyncio.run(everyone()))
    thread.start()
    try:
        with suppress(KeyboardInterrupt):
            yield samples
    finally:
        stop.set()
        thread.join()


def failed(samples: Sequence[Sample]) -> list[Sample]:
    """Return those that did not get their answer."""
    return [sample for sample in samples if sample.status != 200]


def quantile(samples: Sequence[Sample], share: float) -> float:
    """Return the seconds within which that share of the requests was answered."""
    ordered = sorted(sample.seconds for sample in samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
