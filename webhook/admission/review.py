"""AdmissionReview in and out: bytes to a Request, a Result to bytes. Knows neither rules nor HTTP."""

import base64
import json
import re
from typing import Any, Final

from webhook.objects.model import BadInput, Object, Request, Result, lookup
from webhook.workloads.kinds import kind_of

VERSIONS: Final = ("admission.k8s.io/v1", "admission.k8s.io/v1beta1")
OPERATIONS: Final = ("CREATE", "UPDATE", "DELETE", "CONNECT")
DEEPEST: Final = 200
"""Nesting of maps and lists. Upstream's deepest object has 25 levels; the API server accepts 10,000."""

LARGE: Final = 2**19
"""Bytes. A larger review may take a hundred times the memory of a typical one to read."""

MOST_VALUES: Final = 250_000
"""Maps, lists and commas of a large review. Objects at etcd's limit, new and old, have fewer; `{"a":0}` over and over
would have 1,800,000, and take 170 MiB to read."""

LONGEST_UID: Final = 256  # a UUID has 36, and the response repeats it

_BEGINNING: Final = re.compile(
    rb'\s*\{((?:\s*"\w+"\s*:\s*"[\w./]*"\s*,)*)\s*"request"\s*:\s*\{\s*"uid"\s*:\s*"([ -!#-[\]-~]{1,256})"'
)
"""The beginning of a review as the API server writes it: version and uid come before the object."""

MOST_WARNINGS: Final = 10
LONGEST_WARNING: Final = 256
"""Characters; the API server cuts each to this length as soon as all together have 4,096."""


class BadReview(BadInput):
    """The bytes are not an AdmissionReview that can be answered; the message says why."""


def request_for_manifest(obj: Object) -> Request:
    """Return the request that the API server sends when a manifest is created."""
    metadata = lookup(obj, ("metadata",))
    namespace, name = (lookup(metadata, (key,)) for key in ("namespace", "name"))
    return Request(
        kind=kind_of(obj.get("apiVersion"), obj.get("kind")),
        operation="CREATE",
        object=obj,
        namespace=namespace if isinstance(namespace, str) else "",
        name=name if isinstance(name, str) else "",
    )


def decode(body: bytes) -> Request:
    """Read an AdmissionReview (v1 or v1beta1, JSON in UTF-8). Raises BadReview.

    An object that would take too much memory, or that is nested too deeply, is left unread; see `Request.unread`.
    """
    if too_complex(body):
        return unread(body, f"the review has more than {MOST_VALUES:,} values")
    try:
        text = body.decode("utf-8")
        review = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_reject_duplicate_keys)
        if text.count("{") + text.count("[") > DEEPEST:
            _refuse_depth(review)
    except ValueError as error:
        raise BadReview(f"the body is not JSON in UTF-8: {error}") from None
    except RecursionError:
        return unread(body, f"the object has more than {DEEPEST} levels")
    if not isinstance(review, dict) or review.get("kind") != "AdmissionReview":
        raise BadReview("the body is not an AdmissionReview")
    version = review.get("apiVersion")
    if version not in VERSIONS:
        raise BadReview(f"apiVersion must be {' or '.join(VERSIONS)}")
    request = _field(review, "request", dict)
    kind = _field(request, "kind", dict)
    operation = _field(request, "operation", str)
    uid = _field(request, "uid", str)
    if operation not in OPERATIONS:
        raise BadReview(f"request.operation must be one of {', '.join(OPERATIONS)}")
    if not 0 < len(uid) <= LONGEST_UID:
        raise BadReview(f"request.uid must have 1 to {LONGEST_UID} characters")
    group, kind_version = _field(kind, "group", str, ""), _field(kind, "version", str, "")
    return Request(
        kind=kind_of(f"{group}/{kind_version}" if group else kind_version, _field(kind, "kind", str)),
        operation=operation,
        object=_field(request, "object", dict, None),
        old=_field(request, "oldObject", dict, None),
        namespace=_field(request, "namespace", str, ""),
        name=_field(request, "name", str, ""),
        subresource=_field(request, "subResource", str, ""),
        uid=uid,
        version=version,
    )


def too_complex(body: bytes) -> bool:
    """Check whether reading a review would take too much memory."""
    return len(body) > LARGE and sum(map(body.count, (b"{", b"[", b","))) > MOST_VALUES


def unread(body: bytes, why: str) -> Request:
    """Read uid and version only, not the object. Raises BadReview."""
    beginning = _BEGINNING.match(body[: 2**12])
    versions = [version for version in VERSIONS if beginning and f'"{version}"'.encode() in beginning[1]]
    if not beginning or not versions:
        raise BadReview("the body does not begin as an AdmissionReview of the API server")
    return Request(kind="", operation="", object=None, uid=beginning[2].decode(), version=versions[0], unread=why)


def respond(request: Request, outcome: Result) -> bytes:
    """Return the AdmissionReview with the response, which always allows: the webhook never denies."""
    response: Object = {"uid": request.uid, "allowed": True}
    if outcome.operations:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(_compact(outcome.operations)).decode()
    if request.version == VERSIONS[0]:  # v1beta1 has neither
        if outcome.findings:
            response["auditAnnotations"] = {"rules": ",".join(outcome.rules())}
        if outcome.warnings:
            response["warnings"] = _few(outcome.warnings)
    return _compact({"apiVersion": request.version, "kind": "AdmissionReview", "response": response})


def _few(warnings: list[str]) -> list[str]:
    """Cut each warning to LONGEST_WARNING and all to MOST_WARNINGS; the last one counts those left out."""
    if len(warnings) > MOST_WARNINGS:
        left = len(warnings) - MOST_WARNINGS + 1
        warnings = [*warnings[: MOST_WARNINGS - 1], f"{left} more warnings; the command `check` shows all of them"]
    return [each if len(each) <= LONGEST_WARNING else f"{each[: LONGEST_WARNING - 3]}..." for each in warnings]


_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _compact(value: Any) -> bytes:
    return _encode(value).encode()


_MISSING: Final = object()


def _field(holder: Object, name: str, expected: type, default: Any = _MISSING) -> Any:
    value = holder.get(name)
    if value is None and default is not _MISSING:
        return default
    if not isinstance(value, expected):
        raise BadReview(f"{name} must be {'a map' if expected is dict else 'text'}")
    return value


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> Object:
    """Reject duplicate keys. Readers disagree on which one counts, and the API server writes none."""
    if len(made := dict(pairs)) < len(pairs):
        raise ValueError("duplicate key")
    return made


def _refuse_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        holders = [item.values() if isinstance(item, dict) else item for item in level]
        level = [item for holder in holders for item in holder if isinstance(item, dict | list)]
        depth += 1
        if depth > DEEPEST:
            raise RecursionError


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
