"""Convert the state to and from the data of one Secret, its only storage.

ca.crt  ca.key            the CA that signs
next-ca.crt  next-ca.key  the CA that signs next, once it is trusted
retiring-ca.crt           old CAs, trusted for a while
serving.pem               the serving certificate and its key, the only item that the server mounts
since                     when the current wait began
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
"""A Secret's `data`, in base64."""


def written(state: State) -> dict[str, str]:
    """Return a state as Secret data."""
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
    """Return the state in Secret data, and a problem for each malformed item."""
    problems: list[str] = []

    def own(*keys: str) -> Identity | None:
        if not any(data.get(key) for key in keys):
            return None
        try:
            return authority.identity(b"".join(_decoded(data, key) for key in keys))
        except ValueError:
            problems.append(f"{' and '.join(keys)}: expected a certificate and its key")
            return None

    def part(key: str, parse: Callable[[bytes], T], otherwise: T) -> T:
        try:
            return parse(_decoded(data, key)) if data.get(key) else otherwise
        except ValueError:
            problems.append(f"{key}: malformed")
            return otherwise

    return State(
        ca=own("ca.key", "ca.crt"),
        next_ca=own("next-ca.key", "next-ca.crt"),
        retiring=part("retiring-ca.crt", _certificates, ()),
        leaf=own("serving.pem"),
        since=part("since", _moment, None),
    ), problems


def _decoded(data: Data, key: str) -> bytes:
    """Return an item's bytes. Raises ValueError if it is not base64."""
    return base64.b64decode(data.get(key, ""), validate=True)


def _certificates(text: bytes) -> tuple[Certificate, ...]:
    if found := authority.certificates(text):
        return found
    raise ValueError("no certificate")


def _moment(text: bytes) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text.decode())
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment
