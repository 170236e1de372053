"""The state as the data of one Secret, which is all that is kept of it anywhere.

ca.crt  ca.key            the CA that signs
next-ca.crt  next-ca.key  the CA that will, once everyone trusts it
retiring-ca.crt           CAs that signed before, trusted for a while
serving.pem               the serving certificate and its key: the one item that a server mounts
since                     when the present wait began
"""

import base64
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from certs import authority
from certs.authority import Certificate, Identity
from certs.protocol import State

KEYS: Final = ("ca.crt", "ca.key", "next-ca.crt", "next-ca.key", "retiring-ca.crt", "serving.pem", "since")

T = TypeVar("T")

Data = Mapping[str, str]
"""A Secret's `data`: base64."""


def written(state: State) -> dict[str, str]:
    """Return the data that holds a state."""
    return {key: base64.b64encode(value).decode() for key, value in _plain(state) if value}


def _plain(state: State) -> Iterator[tuple[str, bytes]]:
    for name, own in (("ca", state.ca), ("next-ca", state.next_ca)):
        if own:
            yield f"{name}.crt", own.certificate_pem()
            yield f"{name}.key", own.key_pem()
    yield "retiring-ca.crt", authority.pem(state.retiring)
    yield "serving.pem", state.leaf.pem() if state.leaf else b""
    yield "since", state.since.isoformat(timespec="seconds").encode() if state.since else b""


def read(data: Data) -> tuple[State, list[str]]:
    """Return the state that the data holds, and a problem for each key that is there and unusable."""
    problems: list[str] = []

    def own(*keys: str) -> Identity | None:
        if not any(data.get(key) for key in keys):
            return None
        try:
            return authority.identity(b"".join(_decoded(data, key) for key in keys))
        except ValueError:
            problems.append(f"{' and '.join(keys)}: no certificate with its key")
            return None

    def part(key: str, parse: Callable[[bytes], T], otherwise: T) -> T:
        try:
            return parse(_decoded(data, key)) if data.get(key) else otherwise
        except ValueError:
            problems.append(f"{key}: cannot be read")
            return otherwise

    return State(
        ca=own("ca.key", "ca.crt"),
        next_ca=own("next-ca.key", "next-ca.crt"),
        retiring=part("retiring-ca.crt", _certificates, ()),
        leaf=own("serving.pem"),
        since=part("since", _moment, None),
    ), problems


def _decoded(data: Data, key: str) -> bytes:
    """Raise ValueError for what is no base64: binascii's error is one."""
    return base64.b64decode(data.get(key, ""), validate=True)


def _certificates(text: bytes) -> tuple[Certificate, ...]:
    if found := authority.certificates(text):
        return found
    raise ValueError("no certificate in it")


def _moment(text: bytes) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text.decode())
    if moment.tzinfo is None:
        raise ValueError("a moment without its time zone")
    return moment
