"""What answering a body costs, and what this machine is able to."""

import json
import time
from typing import Any, Final

from webhook.admission import review
from webhook.admission.engine import evaluate
from webhook.admission.review import LARGE, MOST_VALUES
from webhook.objects.model import Object
from webhook.rules import RULES
from webhook.settings.model import Settings
from webhook.workloads.kinds import group_of

ALL_ON: Final = Settings(rules=dict.fromkeys(RULES, True))
LOOPS: Final = 23_000

IDS: Final = {"runAsUser": 1, "runAsGroup": 1}
READY: Final = {"readyReplicas": 1, "updatedReplicas": 1, "replicas": 1}

Grown = tuple[Object, Object | None]
"""An object, and the stored one where the request is an UPDATE."""


def body(kind: str, obj: Object, old: Object | None = None) -> bytes:
    """Write the review that an API server would send of an object."""
    group, version = group_of(kind), obj["apiVersion"].rpartition("/")[2]
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": group, "version": version, "kind": kind.partition(".")[0]},
        "name": "x",
        "namespace": "team-a",
        "operation": "UPDATE" if old else "CREATE",
        "object": obj,
        **({"oldObject": old} if old else {}),
    }
    whole = {"kind": "AdmissionReview", "apiVersion": review.VERSIONS[0], "request": request}
    return json.dumps(whole, separators=(",", ":")).encode()


def values(sent: bytes) -> int:
    """Return what the server counts before it reads a large review."""
    return sum(map(sent.count, (b"{", b"[", b",")))


def seconds(sent: bytes) -> float:
    """Return the seconds of CPU that answering a body costs, but for HTTP."""
    start = time.process_time()
    if len(sent) <= LARGE or values(sent) <= MOST_VALUES:  # else it is allowed unread
        request = review.decode(sent)
        review.respond(request, evaluate(request, ALL_ON))
    return time.process_time() - start


def loop() -> float:
    """Return the seconds of CPU of a fixed piece of work: a machine may take 0.1 s for it.

    With it, a test compares what a body costs with what this machine is able to, busy or slow as it may be.
    """
    start = time.process_time()
    for number in range(LOOPS):
        text = json.dumps({"a": [number, {"b": "c" * 20}], "d": {"e": number}})
        if json.loads(text)["a"][0] != number:
            raise AssertionError
    return time.process_time() - start


def of(kind: str, spec: Object, **more: Any) -> Object:
    """Return an object of a kind, such as `Deployment.apps`."""
    version = "v1" if "." not in kind else f"{group_of(kind)}/v1"
    return {"apiVersion": version, "kind": kind.partition(".")[0], "metadata": {"name": "x"}, "spec": spec, **more}


def deployment(containers: list[Object], **spec: Any) -> Object:
    return of("Deployment.apps", {"template": {"spec": {"containers": containers, **spec}}})


def times(item: Any, room: int) -> int:
    """Return how many of an item go into some bytes."""
    return room // (len(json.dumps(item, separators=(",", ":"))) + 1)
