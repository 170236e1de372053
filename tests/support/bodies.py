"""Bodies that tests send: a usual review, bodies that are not reviews, and odd reviews."""

import json
from typing import Any

from tests.support.server import review
from webhook.admission.engine import evaluate
from webhook.admission.review import decode, respond
from webhook.objects.model import Object, Request
from webhook.settings.model import Settings

V1, V1BETA1 = "admission.k8s.io/v1", "admission.k8s.io/v1beta1"
STATEFUL_SET: Object = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "web"},
    "spec": {
        "template": {"spec": {"securityContext": {"fsGroup": 100}, "containers": [{"name": "a"}]}},
        "volumeClaimTemplates": [{}],
    },
}
POD_KIND = {"group": "", "version": "v1", "kind": "Pod"}


def envelope(version: Any = V1, **request: Any) -> Object:
    defaults = {"uid": "u", "kind": POD_KIND, "operation": "CREATE"}
    return {"apiVersion": version, "kind": "AdmissionReview", "request": defaults | request}


def body_of(**request: Any) -> bytes:
    return json.dumps(envelope(**request)).encode()


def without(field: str) -> bytes:
    whole = envelope()
    del whole["request"][field]
    return json.dumps(whole).encode()


def answer(body: bytes) -> Object:
    request = decode(body)
    answered: Object = json.loads(respond(request, evaluate(request, Settings())))
    return answered


DEEP = b"[" * 100_000
IN_OBJECT = body_of(object={"x": "VALUE"}).replace(b'"VALUE"', b"%s")
BAD = {
    "empty body": (b"", "not JSON"),
    "null": (b"null", "not an AdmissionReview"),
    "list": (b"[]", "not an AdmissionReview"),
    "text": (b'"x"', "not an AdmissionReview"),
    "number": (b"1", "not an AdmissionReview"),
    "empty map": (b"{}", "not an AdmissionReview"),
    "YAML": (b"kind: AdmissionReview\n", "not JSON"),
    "truncated": (body_of()[:-1], "not JSON"),
    "two values": (body_of() * 2, "not JSON"),
    "invalid UTF-8": (body_of(name="VALUE").replace(b"VALUE", b"\xff"), "not JSON in UTF-8"),
    "encoded surrogate": (body_of(name="VALUE").replace(b"VALUE", b"\xed\xa0\x80"), "not JSON in UTF-8"),
    "UTF-16": (body_of().decode().encode("utf-16"), "not JSON in UTF-8"),
    "UTF-16 without mark": (body_of().decode().encode("utf-16-le"), "not JSON"),
    "byte order mark": (b"\xef\xbb\xbf" + body_of(), "BOM"),
    "NaN": (IN_OBJECT % b"NaN", "NaN is not JSON"),
    "Infinity": (IN_OBJECT % b"Infinity", "Infinity is not JSON"),
    "-Infinity": (IN_OBJECT % b"-Infinity", "-Infinity is not JSON"),
    "raw control character": (IN_OBJECT % b'"\n"', "not JSON"),
    "a key of the envelope twice": (b'{"request":1,' + body_of()[1:], "duplicate key"),
    "a key of the object twice": (IN_OBJECT % b'{"a":1,"a":1}', "duplicate key"),
    "open brackets": (DEEP, "does not begin"),
    "deep, in another order than the API server's": (b'{"request":' + DEEP, "does not begin"),
    "integer of 5,000 digits": (IN_OBJECT % (b"9" * 5000), "not JSON"),
    "no kind": (json.dumps({"apiVersion": V1, "request": {}}).encode(), "not an AdmissionReview"),
    "wrong kind": (json.dumps({**envelope(), "kind": "Pod"}).encode(), "not an AdmissionReview"),
    "kind a list": (json.dumps({**envelope(), "kind": ["AdmissionReview"]}).encode(), "not an AdmissionReview"),
    "no apiVersion": (json.dumps({"kind": "AdmissionReview", "request": {}}).encode(), "apiVersion"),
    "wrong apiVersion": (json.dumps(envelope("admission.k8s.io/v2")).encode(), "apiVersion"),
    "apiVersion a map": (json.dumps(envelope({})).encode(), "apiVersion"),
    "no request": (json.dumps({"apiVersion": V1, "kind": "AdmissionReview"}).encode(), "request must be a map"),
    "request null": (json.dumps({**envelope(), "request": None}).encode(), "request must be a map"),
    "request a list": (json.dumps({**envelope(), "request": []}).encode(), "request must be a map"),
    "uid missing": (without("uid"), "uid must be text"),
    "uid empty": (body_of(uid=""), "uid must have"),
    "uid too long": (body_of(uid="u" * 257), "uid must have"),
    "uid a number": (body_of(uid=1), "uid must be text"),
    "uid null": (body_of(uid=None), "uid must be text"),
    "kind missing": (without("kind"), "kind must be a map"),
    "kind text": (body_of(kind="Pod"), "kind must be a map"),
    "kind empty": (body_of(kind={}), "kind must be text"),
    "kind's kind a list": (body_of(kind={**POD_KIND, "kind": []}), "kind must be text"),
    "group a number": (body_of(kind={**POD_KIND, "group": 1}), "group must be text"),
    "version a map": (body_of(kind={**POD_KIND, "version": {}}), "version must be text"),
    "operation missing": (without("operation"), "operation must be text"),
    "operation unknown": (body_of(operation="PATCH"), "operation must be one of"),
    "operation in small letters": (body_of(operation="create"), "operation must be one of"),
    "operation a list": (body_of(operation=["CREATE"]), "operation must be text"),
    "object a list": (body_of(object=[]), "object must be a map"),
    "object text": (body_of(object="{}"), "object must be a map"),
    "object false": (body_of(object=False), "object must be a map"),
    "oldObject a list": (body_of(oldObject=[]), "oldObject must be a map"),
    "namespace a number": (body_of(namespace=0), "namespace must be text"),
    "name a map": (body_of(name={}), "name must be text"),
    "subResource a list": (body_of(subResource=["status"]), "subResource must be text"),
}
ODD = {
    "lone surrogate in a name": body_of(name="\ud800", object={"metadata": {"name": "\udfff"}}),
    "lone surrogate in the uid": body_of(uid="\ud800"),
    "longest uid": body_of(uid="u" * 256),
    "emoji": json.dumps(envelope(name="🚀", uid="🚀"), ensure_ascii=False).encode(),
    "NUL": body_of(name="\0", uid="\0"),
    "a number beyond floats": IN_OBJECT % b"1e400",
    "a long integer": IN_OBJECT % (b"9" * 4000),
    "a long fraction": IN_OBJECT % (b"0." + b"9" * 10_000),
    "-0": IN_OBJECT % b"-0",
    "a kind nobody knows": body_of(kind={"group": "x", "version": "v1", "kind": "\0"}, object={}),
    "kind of the review and of the object differ": body_of(object={"apiVersion": "v1", "kind": "Namespace"}),
    "nested deeply": IN_OBJECT % (b"[" * 197 + b"]" * 197),
    "many maps": body_of(object={"items": [{}] * 1000}),
    "empty object": body_of(object={}),
    "blanks around it": b" \r\n\t" + body_of() + b"\n",
}
REVIEW = review(Request("StatefulSet.apps", "CREATE", STATEFUL_SET, namespace="team", name="web", uid="705ab4f5"))
