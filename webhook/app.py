"""The HTTP face: bytes of a review in, bytes of its answer out. The door of flask."""

import json
import time
from collections.abc import Callable
from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

from webhook import engine, observe, review
from webhook.model import Outcome
from webhook.settings import Settings

LARGEST_BODY: Final = 7 * 2**20
"""object and oldObject of at most 3 MiB each (the API server's own limit), and 1 MiB for what is around them."""


def application(current: Callable[[], Settings]) -> Flask:
    """Make the WSGI application; `current` returns the settings that count at the moment of a request."""
    app = Flask("webhook", static_folder=None)

    @app.post("/mutate")
    def mutate() -> Response:
        if request.mimetype != "application/json" or request.content_encoding:
            return _refusal(415, "Content-Type must be application/json, without Content-Encoding")
        body = _body()
        start = time.perf_counter()
        try:
            wanted = review.decode(body)
        except review.BadReview as error:
            return _refusal(400, str(error))
        try:
            outcome = engine.evaluate(wanted, current())
        except Exception as error:  # noqa: BLE001 - a review that parses is answered: allowed as it came, and we are told
            warning = "the webhook failed and changed nothing; please report it"
            outcome = Outcome(wanted.object, warnings=[warning], failures=[("engine", type(error).__name__)])
        answer = review.respond(wanted, outcome)
        observe.reviewed(wanted, outcome, time.perf_counter() - start)
        return Response(answer, mimetype="application/json")

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        return _refusal(error.code or 500, error.name)

    return app


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


def _refusal(status: int, reason: str) -> Response:
    return Response(json.dumps({"reason": reason}) + "\n", status, mimetype="application/json")
