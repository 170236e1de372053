"""Whatever bytes come, each gets an answer in JSON, soon, and no answer that the API server could not use."""

import random
import time

import pytest

from tests.properties import answers, malformed
from tests.support.server import Server

REQUESTS, OVER_HTTP = 50_000, 1_000


def test_every_broken_review_is_answered_in_process(seed: int) -> None:
    seen = answers.run(seed, REQUESTS, 2, quiet=True)
    assert seen.failed == []
    for way in malformed.WAYS:
        statuses = {answer.partition(": ")[2] for answer in seen.answers if answer.startswith(way)}
        assert statuses == {"400"} if way == "cut" else "200" in statuses, way


def test_broken_reviews_do_not_break_a_connection_that_is_kept(webhook: Server) -> None:
    dice = random.Random(1)
    connection = webhook.connect()
    try:
        for _ in range(OVER_HTTP):
            way, body = malformed.body(dice)
            start = time.monotonic()
            connection.request("POST", "/mutate", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            assert malformed.wrong(way, response.status, dict(response.getheaders()), answer) == "", body
            assert time.monotonic() - start < 5  # a busy machine's second
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("status", "headers", "answer", "said"),
    [
        (500, {}, b"{}", "status 500"),
        (200, {}, b"<html>", "200 without JSON"),
        (503, {}, b"{}", "503 without Retry-After"),
        (503, {"Retry-After": "1"}, b"{}", ""),
        (400, {}, b"{}", "no reason"),
        (200, {}, b'{"response": {"uid": "u", "allowed": false}}', "no uid, or not allowed"),
        (200, {}, b'{"response": {"uid": "u", "allowed": true, "patch": "e30="}}', "a patch that is not a list"),
    ],
)
def test_an_answer_that_is_wrong_is_called_so(status: int, headers: dict[str, str], answer: bytes, said: str) -> None:
    assert malformed.wrong("cut", status, headers, answer) == said
