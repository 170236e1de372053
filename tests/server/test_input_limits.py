"""Bodies at the limits, and beyond: what is refused says so truly, and memory and time are bounded."""

import contextlib
import json
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import TestResponse

from tests.support.bodies import REVIEW
from tests.support.raw import HEAD, WHOLE, answered, everything
from tests.support.server import Server, post, reason, serving
from webhook.admission.review import LARGE, MOST_VALUES
from webhook.server.app import LARGEST_BODY, LARGEST_SENT, application
from webhook.settings.model import Settings


@pytest.mark.parametrize("length", [LARGEST_SENT + 1, 10**11])
def test_a_declared_body_that_is_too_large_is_refused_before_it_comes(raw: ssl.SSLSocket, length: int) -> None:
    raw.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % length)
    start = time.monotonic()
    head, _, body = everything(raw).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in head.lower(), "as it then does"
    assert reason(body)
    assert time.monotonic() - start < 3


@pytest.mark.parametrize("body", [b"x" * 100_000, b" " * LARGEST_BODY])
def test_a_refused_body_leaves_the_connection_usable_as_the_answer_says(raw: ssl.SSLSocket, body: bytes) -> None:
    raw.sendall(HEAD.replace(b"/mutate", b"/no-such-page") + b"Content-Length: %d\r\n\r\n" % len(body) + body + WHOLE)
    raw.sendall(WHOLE.replace(b"Host: x", b"Host: x\r\nConnection: close"))
    answers = everything(raw)
    assert answers.count(b"HTTP/1.1 404 ") == 1
    assert answers.count(b"HTTP/1.1 200 ") == 2


def test_a_body_shorter_than_it_says_is_no_request(server: Server, raw: ssl.SSLSocket) -> None:
    raw.sendall(WHOLE.replace(str(len(REVIEW)).encode(), str(len(REVIEW) + 1).encode()))
    start = time.monotonic()
    with contextlib.suppress(OSError):
        raw.unwrap()  # says that nothing more comes
    assert time.monotonic() - start < 2, "and the server does not wait for it"
    assert server.post(REVIEW)[0] == 200


def test_what_is_longer_than_it_says_ends_where_it_says(raw: ssl.SSLSocket) -> None:
    raw.sendall(WHOLE + b"x" + WHOLE)
    answers = everything(raw)
    assert answers.count(b"HTTP/1.1 200 ") == 1, "the second is not a separate request"
    assert answers.count(b"HTTP/1.1 400 ") == 1


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"X" * 5000 + b": 1\r\n",
        b"X: 1\r\n" * 40,
        b"X " * 200_000,
        b" folded\r\n",
    ],
)
def test_what_is_no_http_is_refused_in_one_line_of_json(raw: ssl.SSLSocket, lines: bytes) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        raw.sendall(HEAD + lines + b"\r\n0\r\n\r\n")
    head, _, body = everything(raw).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert reason(body)


def test_a_review_that_waited_longer_than_its_timeout_is_not_computed(raw: ssl.SSLSocket) -> None:
    late = WHOLE.replace(b"/mutate", b"/mutate?timeout=200ms")
    raw.sendall(late)
    assert answered(raw)[0].status == 200
    raw.sendall(late[:200])
    time.sleep(0.4)
    raw.sendall(late[200:])
    response, body = answered(raw)
    assert (response.status, response.headers["Retry-After"]) == (503, "1")
    assert "timeout" in reason(body)
    raw.sendall(late)
    assert answered(raw)[0].status == 200, "the connection stays"


def test_a_review_that_becomes_late_while_it_is_computed_is_given_up() -> None:
    def slow() -> Settings:
        time.sleep(0.2)
        return Settings()

    client = application(slow).test_client()
    late = client.post("/mutate?timeout=100ms", data=REVIEW, content_type="application/json")
    assert (late.status_code, late.headers["Retry-After"]) == (503, "1")
    assert "timeout" in reason(late.data)
    assert client.post("/mutate?timeout=5s", data=REVIEW, content_type="application/json").status_code == 200


@pytest.mark.parametrize("timeout", ["", "x", "-1s", "1e-9s", "0", "1h", "9" * 99 + "s"])
def test_a_timeout_that_the_api_server_would_not_write_is_not_looked_at(server: Server, timeout: str) -> None:
    assert server.post(REVIEW, path=f"/mutate?timeout={timeout}")[0] == 200


def test_one_large_review_is_answered_at_once_and_others_are_told_to_come_back() -> None:
    hold, inside = threading.Event(), threading.Semaphore(0)

    def current() -> Settings:
        inside.release()
        assert hold.wait(10)
        return Settings()

    app = application(current)

    def send(size: int) -> TestResponse:
        return app.test_client().post("/mutate", data=REVIEW.ljust(size), content_type="application/json")

    with ThreadPoolExecutor() as pool:
        first = pool.submit(send, LARGE + 1)
        assert inside.acquire(timeout=10)
        second = send(LARGE + 1)
        usual = pool.submit(send, LARGE)
        assert inside.acquire(timeout=10), "a usual one does not wait"
        hold.set()
        assert [waiting.result().status_code for waiting in (first, usual)] == [200] * 2
    assert (second.status_code, second.headers["Retry-After"]) == (503, "1")
    assert reason(second.data)
    assert send(LARGE + 1).status_code == 200


def test_of_many_of_the_largest_bodies_at_once_some_are_answered() -> None:
    body = REVIEW.ljust(LARGEST_BODY)

    def send(_: int) -> int:
        try:
            return server.post(body)[0]
        except OSError:  # sent away in the middle
            return 0

    with serving("--workers", "1") as server, ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(40)))
    assert statuses.count(200) >= 2
    assert set(statuses) <= {200, 503, 0}


@pytest.mark.parametrize("odd", [b'{"a":0},' * 800_000, b"[]," * MOST_VALUES, b'"",' * (MOST_VALUES + 1)])
def test_more_values_than_any_review_has_are_allowed_unread(server: Server, odd: bytes) -> None:
    start = time.monotonic()
    status, body = server.post(REVIEW.replace(b'"spec"', b'"odd":[' + odd + b'0],"spec"', 1))
    assert status == 200
    response = json.loads(body)["response"]
    (warning,) = response.pop("warnings")
    assert response == {"uid": "705ab4f5", "allowed": True}
    assert "250,000 values" in warning
    assert time.monotonic() - start < 4


@pytest.mark.parametrize(
    "beginning", [b'{"apiVersion":"v1","request":{"uid":"u",', b'{"request":{"uid":"\\u0041",', b"{"]
)
def test_too_many_values_that_do_not_begin_as_a_review_are_refused(server: Server, beginning: bytes) -> None:
    assert server.post(beginning + b'"odd":[' + b'{"a":0},' * 100_000 + b"0]}")[0] == 400


def test_a_reason_is_json(server: Server) -> None:
    with contextlib.closing(server.connect()) as connection:
        assert json.loads(post(connection, b"[").read()).keys() == {"reason"}
