"""The HTTP face: bytes of a review in, bytes of its answer out. The door of flask."""

import io
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from webhook.admission import engine, review
from webhook.objects.model import Outcome, Request
from webhook.server import telemetry
from webhook.settings.model import Settings

Aside = Callable[[Callable[[], Any]], Any]
"""Runs a function where it holds up nobody, and returns what that returns."""

LARGEST_BODY: Final = 7 * 2**20
"""object and oldObject of at most 3 MiB each (the API server's own limit), and 1 MiB for what is around them."""

LARGEST_SENT: Final = 64 * 2**20
"""Of a larger body only the beginning is read. A dry run of 3 MiB becomes a review of 36 MiB: the API server adds
defaults and managedFields, and etcd's limit is not asked."""

SKIMMED: Final = "webhook.skimmed"
"""In the WSGI environment of such a body."""

BRIEF: Final = 2**15
"""Bytes of a review that is answered sooner than a thread has been told of it."""

BRIEF_MAPS: Final = 1000
"""Of the maps in it; at 0.1 ms for each of those that are made to be dear, it ends in 0.1 s."""

SLOW_KINDS: Final = ("ConfigMap",)
"""Kinds whose objects are never brief: their values may be YAML, which costs twenty times what JSON does."""

LARGE_AT_ONCE: Final = 1
"""Of one process; that bounds its memory. The API server tries again after the second that we ask for."""

TIMEOUT: Final = re.compile(r"(?:^|&)timeout=(\d{1,4}(?:\.\d{1,9})?)(ms|s)(?:&|$)")
"""What the API server writes of its timeoutSeconds, or of what is left of it: `?timeout=4.999s`, `?timeout=730ms`."""


def application(current: Callable[[], Settings], aside: Aside = lambda function: function()) -> Flask:
    """Make the WSGI application; `current` returns the settings that count at the moment of a request.

    What is not brief runs `aside`.
    """
    app = Flask("webhook", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    reviewed = partial(_reviewed, current=current, aside=aside)
    large = threading.BoundedSemaphore(LARGE_AT_ONCE)

    @app.post("/mutate")
    def mutate() -> Response:
        if request.mimetype != "application/json" or request.content_encoding:
            return _refusal(415, "Content-Type must be application/json, without Content-Encoding")
        deadline, body = _deadline(request.environ), request.get_data(cache=False)
        if SKIMMED in request.environ:
            return _json(reviewed(body, deadline, read=_skimmed))
        if len(body) <= review.LARGE or review.too_complex(body):
            return _json(reviewed(body, deadline))
        if not large.acquire(blocking=False):
            return _not_now("busy", "another large review is being answered")
        try:
            return _json(reviewed(body, deadline))
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

    app.wsgi_app = _brief_first(app.wsgi_app, reviewed)  # type: ignore[assignment,method-assign] # as Flask documents it
    return app


def _skimmed(beginning: bytes) -> Request:
    return review.unread(beginning, f"the review is larger than {LARGEST_BODY >> 20} MiB")


def _brief_first(whole: WSGIApplication, reviewed: Callable[[bytes, float], bytes]) -> WSGIApplication:
    """Answer brief reviews without Flask, a quarter of their time; it answers all else, refusals included."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        how = [environ.get(key) for key in ("REQUEST_METHOD", "PATH_INFO", "CONTENT_TYPE", "HTTP_CONTENT_ENCODING")]
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if how != ["POST", "/mutate", "application/json", None] or SKIMMED in environ or not 0 < length <= BRIEF:
            return whole(environ, start_response)
        body = environ["wsgi.input"].read(length)
        try:
            answered = reviewed(body, _deadline(environ))
        except (review.BadReview, engine.Late):
            environ["wsgi.input"] = io.BytesIO(body)
            return whole(environ, start_response)
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answered)))])
        return [answered]

    return answer


def _reviewed(
    body: bytes,
    deadline: float,
    current: Callable[[], Settings],
    aside: Aside,
    read: Callable[[bytes], Request] = review.decode,
) -> bytes:
    """Answer a review. Raises BadReview, and Late where the deadline has passed."""
    start = time.perf_counter()
    brief = len(body) <= BRIEF and body.count(b"{") <= BRIEF_MAPS
    wanted = read(body) if brief else aside(lambda: read(body))

    def answer() -> tuple[Outcome, bytes]:
        outcome = _evaluated(wanted, current(), lambda: time.monotonic() > deadline)
        return outcome, review.respond(wanted, outcome)

    outcome, answered = answer() if brief and wanted.kind not in SLOW_KINDS else aside(answer)
    if wanted.unread:
        telemetry.shed("complex")
    telemetry.reviewed(wanted, outcome, time.perf_counter() - start)
    return answered


def _evaluated(wanted: Request, settings: Settings, late: Callable[[], bool]) -> Outcome:
    if late():
        raise engine.Late
    try:
        return engine.evaluate(wanted, settings, late=late)
    except engine.Late:
        raise
    except Exception as error:  # noqa: BLE001 - a review that parses is answered: allowed as it came, and it is logged
        warning = "the webhook failed and changed nothing; please report it"
        return Outcome(wanted.object, warnings=[warning], failures=[("engine", type(error).__name__)])


def _deadline(environ: WSGIEnvironment) -> float:
    """Return until when, by time.monotonic(), the API server waits for the answer."""
    wanted = TIMEOUT.search(environ.get("QUERY_STRING", ""))
    if not wanted:
        return math.inf
    arrived: float = getattr(environ.get("gunicorn.socket"), "arrived", time.monotonic())
    return arrived + float(wanted[1]) / (1000 if wanted[2] == "ms" else 1)


def _not_now(reason_: str, why: str) -> Response:
    telemetry.shed(reason_)
    response = _refusal(503, why)
    response.headers["Retry-After"] = "1"
    return response


def _refusal(status: int, why: str) -> Response:
    return _json(reason(why), status)


def _json(body: bytes | str, status: int = 200) -> Response:
    return Response(body, status, mimetype="application/json")


def reason(why: str) -> str:
    """Return the body of a refusal."""
    return json.dumps({"reason": why}) + "\n"
