"""The WSGI application: AdmissionReview in, response out. Only this module imports flask."""

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
from webhook.objects.model import Request, Result
from webhook.server import telemetry
from webhook.settings.model import Settings

Aside = Callable[[Callable[[], Any]], Any]
"""Runs a function without blocking the event loop, and returns its result."""

LARGEST_BODY: Final = 7 * 2**20
"""Bytes: object and oldObject of 3 MiB each (the API server's limit), and 1 MiB for the rest."""

LARGEST_SENT: Final = 64 * 2**20
"""Bytes. Of bodies above LARGEST_BODY only the beginning is parsed. A dry run of 3 MiB can become a review of 36 MiB:
the API server adds defaults and managedFields, and etcd's limit does not apply."""

SKIMMED: Final = "webhook.skimmed"
"""The key in the WSGI environment that marks such a body."""

BRIEF: Final = 2**15
"""Bytes. Smaller reviews are answered in the event loop; handing them to a thread costs more."""

BRIEF_MAPS: Final = 1000
"""JSON objects in such a review. At a worst case of 0.1 ms each, it takes at most 0.1 s."""

SLOW_KINDS: Final = ("ConfigMap",)
"""Kinds that always run in a thread: their values may be YAML, which takes twenty times longer than JSON."""

LARGE_AT_ONCE: Final = 1
"""Per process, to bound its memory. The API server retries after the Retry-After of one second."""

TIMEOUT: Final = re.compile(r"(?:^|&)timeout=(\d{1,4}(?:\.\d{1,9})?)(ms|s)(?:&|$)")
"""The API server's timeout, or what remains of it: `?timeout=4.999s`, `?timeout=730ms`."""


def application(current: Callable[[], Settings], aside: Aside = lambda function: function()) -> Flask:
    """Return the WSGI application. `current` returns the current settings; long reviews run `aside`."""
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
            return _not_now("busy", "another large review is in progress")
        try:
            return _json(reviewed(body, deadline))
        finally:
            large.release()

    @app.errorhandler(review.BadReview)
    def refuse_bad(error: review.BadReview) -> Response:
        return _refusal(400, str(error))

    @app.errorhandler(engine.Late)
    def refuse_late(_error: engine.Late) -> Response:
        """Return an error. A late "allowed" could admit an object that `Fail` must keep out."""
        return _not_now("late", "the review took longer than its timeout")

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        return _refusal(error.code or 500, error.name)

    app.wsgi_app = _brief_first(app.wsgi_app, reviewed)  # type: ignore[assignment,method-assign] # as Flask documents it
    return app


def _skimmed(beginning: bytes) -> Request:
    return review.unread(beginning, f"the review is larger than {LARGEST_BODY >> 20} MiB")


def _brief_first(whole: WSGIApplication, reviewed: Callable[[bytes, float], bytes]) -> WSGIApplication:
    """Answer small reviews without Flask, which takes a quarter of their time. Pass all others to Flask."""

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
    """Return the response to a review. Raises BadReview, or Late after the deadline."""
    start = time.perf_counter()
    brief = len(body) <= BRIEF and body.count(b"{") <= BRIEF_MAPS
    parsed = read(body) if brief else aside(lambda: read(body))

    def answer() -> tuple[Result, bytes]:
        outcome = _evaluated(parsed, current(), lambda: time.monotonic() > deadline)
        return outcome, review.respond(parsed, outcome)

    outcome, answered = answer() if brief and parsed.kind not in SLOW_KINDS else aside(answer)
    if parsed.unread:
        telemetry.shed("complex")
    telemetry.reviewed(parsed, outcome, time.perf_counter() - start)
    return answered


def _evaluated(parsed: Request, settings: Settings, late: Callable[[], bool]) -> Result:
    if late():
        raise engine.Late
    try:
        return engine.evaluate(parsed, settings, late=late)
    except engine.Late:
        raise
    except Exception as error:  # noqa: BLE001 - allow the object unchanged, and log the failure
        warning = "the webhook failed and changed nothing; please report it"
        return Result(parsed.object, warnings=[warning], failures=[("engine", type(error).__name__)])


def _deadline(environ: WSGIEnvironment) -> float:
    """Return when the API server stops waiting, by time.monotonic()."""
    timeout = TIMEOUT.search(environ.get("QUERY_STRING", ""))
    if not timeout:
        return math.inf
    arrived: float = getattr(environ.get("gunicorn.socket"), "arrived", time.monotonic())
    return arrived + float(timeout[1]) / (1000 if timeout[2] == "ms" else 1)


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
    """Return the JSON body of an error response."""
    return json.dumps({"reason": why}) + "\n"
