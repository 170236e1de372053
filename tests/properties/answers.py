"""Send broken reviews by the million, past the sockets.

Each goes through the whole application, as gunicorn would call it. A crash, a second of work, an answer that is not
JSON, or a 5xx other than 503 with Retry-After is a failure, and repeats from its seed.
"""

import io
import os
import random
import time
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.properties import malformed
from tests.properties.chunks import spread
from tests.support.evidence import Measured
from webhook.server.app import application
from webhook.settings.model import Settings

SLOWEST = 1.0
"""Seconds of work, not of waiting for a busy machine: more counts as a hang."""


@dataclass(slots=True)
class Seen:
    """What was seen of many requests: what failed and why, each way with its statuses, and the slowest."""

    failed: list[tuple[str, str]] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def add(self, other: "Seen") -> None:
        self.failed += other.failed
        self.answers += other.answers
        self.slowest = max(self.slowest, other.slowest)


@cache
def app() -> Any:
    return application(Settings)


def answered(body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Call the application as a WSGI server does; return status, headers and body of its answer."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/mutate",
        "SERVER_NAME": "webhook",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "https",
    }
    chunks = app()(environ, lambda status, headers, _error=None: started.append((status, headers)))
    try:
        answer = b"".join(chunks)
    finally:
        getattr(chunks, "close", lambda: None)()
    return int(started[0][0][:3]), dict(started[0][1]), answer


def checked(seed: int, cases: range) -> Seen:
    """Send the cases of a seed."""
    seen = Seen()
    for number in cases:
        own = f"{seed}:{number}"
        way, body = malformed.body(random.Random(own))
        start = time.thread_time()
        try:
            with redirect_stdout(io.StringIO()):
                status, headers, answer = answered(body)
        except Exception as error:  # noqa: BLE001 - the test reports which one
            seen.failed.append((own, f"{way}: crashed with {error!r}"))
            continue
        seconds = time.thread_time() - start
        seen.slowest = max(seen.slowest, seconds)
        seen.answers[f"{way}: {status}"] += 1
        why = malformed.wrong(way, status, headers, answer) or ("it hung" if seconds > SLOWEST else "")
        if why:
            seen.failed.append((own, f"{way}: {why}"))
    return seen


def run(seed: int, requests: int, processes: int, *, quiet: bool = False) -> Seen:
    """Send the requests of a seed from several processes."""
    seen = Seen()
    for part in spread(checked, seed, requests, processes, quiet=quiet):
        seen.add(part)
    return seen


def measure(seed: int, cases: int) -> Measured:
    """Return the figures of so many requests, and those that failed."""
    seen = run(seed, cases, os.cpu_count() or 1)
    return {
        "failed": len(seen.failed),
        "slowestMilliseconds": round(seen.slowest * 1000, 1),
        "answers": dict(sorted(seen.answers.items())),
    }, [f"request {own}: {why}" for own, why in seen.failed]
