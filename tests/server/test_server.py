"""The running webhook over HTTPS: what it answers, to whom and on which port."""

import contextlib
import json
import time
from collections.abc import Iterator
from http.client import HTTPSConnection

import pytest

from tests.support.bodies import BAD, ODD, REVIEW, STATEFUL_SET, answer
from tests.support.server import Server, post, reason, review
from webhook.objects.model import Request
from webhook.server.app import LARGEST_BODY
from webhook.server.gunicorn_app import KEEP_ALIVE


@pytest.fixture
def connection(server: Server) -> Iterator[HTTPSConnection]:
    with contextlib.closing(server.connect()) as connection:
        yield connection


def test_a_review_is_answered_as_the_engine_decides(server: Server) -> None:
    status, body = server.post(REVIEW)
    assert status == 200
    assert json.loads(body) == answer(REVIEW)
    assert "patch" in json.loads(body)["response"]


def test_the_api_servers_timeout_and_a_charset_are_accepted(server: Server) -> None:
    expected = server.post(REVIEW)
    assert server.post(REVIEW, "application/json; charset=utf-8") == expected
    assert server.post(REVIEW, path="/mutate?timeout=10s") == expected


def test_every_body_that_is_no_review_is_refused_in_one_line(server: Server) -> None:
    for name, (body, why) in BAD.items():
        status, refusal = server.post(body)
        assert (status, why in reason(refusal)) == (400, True), name


def test_every_odd_review_is_answered(server: Server) -> None:
    for name, body in ODD.items():
        status, answered = server.post(body)
        assert (status, json.loads(answered)) == (200, answer(body)), name


@pytest.mark.parametrize("depth", [600, 900])
def test_a_review_nested_deeply_is_answered_or_refused(server: Server, depth: int) -> None:
    odd = json.loads("[" * depth + "]" * depth)
    status, body = server.post(review(Request("StatefulSet.apps", "CREATE", {**STATEFUL_SET, "odd": odd}, uid="u")))
    assert json.loads(body)["response"]["allowed"] if status == 200 else reason(body)
    assert status in (200, 400)


def test_the_largest_body_is_answered(server: Server) -> None:
    assert LARGEST_BODY == 7 * 2**20, "as the contract says"
    assert server.post(REVIEW.ljust(LARGEST_BODY)) == server.post(REVIEW)


@pytest.mark.parametrize("size", [LARGEST_BODY + 1, 36 * 2**20])
def test_a_larger_body_is_allowed_unread(server: Server, connection: HTTPSConnection, size: int) -> None:
    """A dry run may become a review that is larger than anything that etcd stores."""
    for _ in range(2):  # the connection stays usable
        response = post(connection, REVIEW.ljust(size))
        assert response.status == 200
        answered = json.loads(response.read())["response"]
        warning = "left alone: the review is larger than 7 MiB; nothing was changed or checked"
        assert answered == {"uid": json.loads(REVIEW)["request"]["uid"], "allowed": True, "warnings": [warning]}
    assert server.post(b" " * size)[0] == 400


@pytest.mark.parametrize(("size", "status"), [(LARGEST_BODY, 200), (LARGEST_BODY + 1, 413), (9 * 2**20, 413)])
def test_a_chunked_body_is_measured_too(connection: HTTPSConnection, size: int, status: int) -> None:
    body = REVIEW.ljust(size)
    chunks = (body[at : at + 2**16] for at in range(0, size, 2**16))
    assert post(connection, chunks, Transfer_Encoding="chunked").status == status


@pytest.mark.parametrize("content_type", ["text/plain", "application/yaml", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(server: Server, content_type: str) -> None:
    status, body = server.post(REVIEW, content_type)
    assert status == 415
    assert "application/json" in reason(body)


def test_a_compressed_body_is_refused(connection: HTTPSConnection) -> None:
    response = post(connection, REVIEW, Content_Encoding="gzip")
    assert response.status == 415
    assert "Content-Encoding" in reason(response.read())


@pytest.mark.parametrize("path", ["/", "/mutate/", "/healthz", "/readyz", "/metrics", "/static/x"])
def test_the_tls_port_has_no_other_page(server: Server, connection: HTTPSConnection, path: str) -> None:
    status, body = server.post(REVIEW, path=path)
    assert (status, reason(body)) == (404, "Not Found")
    connection.request("GET", path)
    response = connection.getresponse()
    assert (response.status, reason(response.read())) == (404, "Not Found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_reviews_are_only_posted(connection: HTTPSConnection, method: str) -> None:
    connection.request(method, "/mutate")
    response = connection.getresponse()
    assert (response.status, reason(response.read())) == (405, "Method Not Allowed")


def test_a_broken_chunk_is_the_clients_mistake(connection: HTTPSConnection) -> None:
    connection.putrequest("POST", "/mutate")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    connection.send(b"ZZ\r\n")
    response = connection.getresponse()
    assert response.status == 400
    assert reason(response.read())


def test_the_port_of_observation_has_its_pages_and_no_other(server: Server) -> None:
    assert server.observe("/healthz") == (200, "ok\n")
    assert server.observe("/readyz") == (200, "ok\n")
    assert server.observe("/metrics")[0] == 200
    assert server.observe("/mutate")[0] == 404
    assert server.observe("/")[0] == 404


def test_a_connection_is_kept_for_longer_than_the_api_server_keeps_it(connection: HTTPSConnection) -> None:
    assert KEEP_ALIVE > 90
    assert post(connection, REVIEW).read()
    first = connection.sock.getsockname()
    time.sleep(3)  # gunicorn's own default is 2
    for body, status in ((REVIEW, 200), (b"", 400), (b"{}", 400), (REVIEW, 200)):
        response = post(connection, body)
        assert (response.status, bool(response.read())) == (status, True)
    response = post(connection, REVIEW, Content_Type="text/plain")
    assert (response.status, reason(response.read())[:12]) == (415, "Content-Type")
    assert post(connection, REVIEW).read() == post(connection, REVIEW).read() != b""
    assert connection.sock.getsockname() == first
