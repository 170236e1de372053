"""Draw objects that no API server would send: random trees in random places of a good object."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.support.samples import SAMPLES
from webhook.objects.model import Object, Pointer, Request
from webhook.workloads.kinds import KINDS


def pointers(value: Any, at: Pointer = ()) -> Iterator[Pointer]:
    """Yield the pointer of everything in a value, itself included."""
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in items:
        yield from pointers(inner, (*at, part))


def with_value(tree: Any, at: Pointer, value: Any) -> Any:
    """Return a tree with another value at a pointer."""
    if not at:
        return value
    changed = copy.copy(tree)
    changed[at[0]] = with_value(tree[at[0]], at[1:], value)
    return changed


def requests(kind: str, obj: Object) -> Iterator[Request]:
    """Yield the ways in which an object is sent: as the new object and as the stored one."""
    create, good = Request(kind, "CREATE", obj, namespace="team"), SAMPLES[kind]
    yield create
    for new, old in ((obj, good), (good, obj)):
        yield replace(create, operation="UPDATE", object=new, old=old)
        if kind == "Pod":
            yield replace(create, operation="UPDATE", object=new, old=old, subresource="ephemeralcontainers")


WORDS = sorted({str(part) for obj in SAMPLES.values() for at in pointers(obj) for part in at} | {"-", "a/b", "a~b"})
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 100, 1000, 1_000_650_000, 2**63, 1e300, 100.0]),
    st.sampled_from(["8888", "ENGINE_CONTAINER_USER", "main", "ALL", "restricted-v2", "none", "team/trusted", ""]),
    st.text(max_size=3),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=2), inner),
    max_leaves=12,
)


@st.composite
def hostile_objects(draw: st.DrawFn, kind: str) -> Object:
    """Draw an object of a kind with one to three random trees in places that exist."""
    obj = SAMPLES[kind]
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.sampled_from([at for at in pointers(obj) if at]))
        obj = with_value(obj, at, draw(TREES))
    return obj


@st.composite
def hostile_requests(draw: st.DrawFn) -> Request:
    """Draw a request whose object, stored object or both are hostile."""
    kind = draw(st.sampled_from(list(KINDS)))
    request = draw(st.sampled_from(list(requests(kind, draw(hostile_objects(kind))))))
    if request.old is not None and draw(st.booleans()):
        return replace(request, old=draw(hostile_objects(kind)))
    return request
