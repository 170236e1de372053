"""The HTTP face: bytes of a review in, bytes of its answer out. The door of flask."""

import json
import math
import re
import threading
import time
from collections.abc import Callable
from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

from webhook import engine, observe, review
from webhook.framing import LARGEST_BODY
from webhook.model import Outcome
from webhook.settings import Settings

LARGE: Final = 2**19
"""Bytes from which on a review counts as large: reading it may take a hundred times the memory of a usual one."""

LARGE_AT_ONCE: Final = 1
"""Of one process; that bounds its memory. The API server tries again after the second that we ask for."""

MOST_VALUES: Final = 250_000
"""Maps, lists and commas of a large review. Objects at etcd's limit, new and old, have fewer; `{"a":0}` over and over
would have 1,800,000, and take 170 MiB to read."""

TOO_COMPLEX: Final = f"left alone: the review has more than {MOST_VALUES:,} values; nothing was changed or checked"

TIMEOUT: Final = re.compile(rb"(?:^|&)timeout=(\d{1,4}(?:\.\d{1,9})?)(ms|s)(?:&|$)")
"""What the API server writes of its timeoutSeconds, or of what is left of it: `?timeout=4.999s`, `?timeout=730ms`."""


def application(current: Callable[[], Settings]) -> Flask:
    """Make the WSGI application; `current` returns the settings that count at the moment of a request."""
    app = Flask("webhook", static_folder=None)
    large = threading.BoundedSemaphore(LARGE_AT_ONCE)

    @app.post("/mutate")
    def mutate() -> Response:
        if request.mimetype != "application/json" or request.content_encoding:
            return _refusal(415, "Content-Type must be application/json, without Content-Encoding")
        deadline, body = _deadline(), _body()
        if len(body) <= LARGE:
            return _reviewed(body, current, deadline)
        if sum(map(body.count, (b"{", b"[", b","))) > MOST_VALUES:
            return _too_complex(body)
        if not large.acquire(blocking=False):
            return _not_now("busy", "another large review is being answered")
        try:
            return _reviewed(body, current, deadline)
        finally:
            large.release()

    @app.errorhandler(review.BadReview)
    def refuse_bad(error: review.BadReview) -> Response:
        return _refusal(400, str(error))

    @app.errorhandler(engine.Late)
    def refuse_late(_error: engine.Late) -> Response:
        """Answer with an error: read late, "allowed" would store an object that `Fail` keeps out."""
        return _not_now("late", "the review took longer than its timeout")

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        return _refusal(error.code or 500, error.name)

    return app


def _reviewed(body: bytes, current: Callable[[], Settings], deadline: float) -> Response:
    """Answer a review. Raises BadReview, and Late where the deadline has passed."""

    def late() -> bool:
        return time.monotonic() > deadline

    if late():
        raise engine.Late
    start = time.perf_counter()
    wanted = review.decode(body)
    try:
        outcome = engine.evaluate(wanted, current(), late=late)
    except engine.Late:
        raise
    except Exception as error:  # noqa: BLE001 - a review that parses is answered: allowed as it came, and we are told
        warning = "the webhook failed and changed nothing; please report it"
        outcome = Outcome(wanted.object, warnings=[warning], failures=[("engine", type(error).__name__)])
    answer = review.respond(wanted, outcome)
    observe.reviewed(wanted, outcome, time.perf_counter() - start)
    return Response(answer, mimetype="application/json")


def _too_complex(body: bytes) -> Response:
    """Allow an object as it came, unread: reading it would take too much memory."""
    observe.shed("complex")
    outcome = Outcome(None, warnings=[TOO_COMPLEX])
    return Response(review.respond(review.decode_beginning(body), outcome), mimetype="application/json")


def _deadline() -> float:
    """Return until when, by time.monotonic(), the API server waits for the answer."""
    wanted = TIMEOUT.search(request.query_string)
    if not wanted:
        return math.inf
    arrived: float = getattr(request.environ.get("gunicorn.socket"), "arrived", time.monotonic())
    return arrived + float(wanted[1]) / (1000 if wanted[2] == b"ms" else 1)


def _body() -> bytes:
    """Read the body; one byte more than allowed tells a chunked one that is too large, which has no length."""
    if (request.content_length or 0) > LARGEST_BODY:
        raise RequestEntityTooLarge
    try:
        body = request.stream.read(LARGEST_BODY + 1)
    except Exception:  # noqa: BLE001 - whatever gunicorn raises at a broken chunk, its sender made it
        raise BadRequest from None
    if len(body) > LARGEST_BODY:
        raise RequestEntityTooLarge
    return body


def _not_now(why: str, reason: str) -> Response:
    observe.shed(why)
    response = _refusal(503, reason)
    response.headers["Retry-After"] = "1"
    return response


def _refusal(status: int, reason: str) -> Response:
    return Response(json.dumps({"reason": reason}) + "\n", status, mimetype="application/json")
