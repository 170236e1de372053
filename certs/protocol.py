"""Which certificates there are, and which step comes next: a CA is trusted before anything that it signed is served.

    prepare   the next CA is made; the caBundle holds both        (keeper: writes Secret, then caBundle)
    switch    the next CA is in every caBundle for long enough:   it becomes the CA and signs the serving certificate
    retire    nothing serves what the old CA signed any more:     it leaves the caBundle

Every step is one write of one Secret, so a crash leaves one of these states, and whoever looks next goes on from there.
Nothing here reads a clock or speaks to a cluster. Scars: open-policy-agent/cert-controller#13, gatekeeper#1045.
"""

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

from certs import authority
from certs.authority import Certificate, Identity

NAME: Final = "kubeflow-openshift"

Force = Literal["nothing", "leaf", "ca"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the certificates shall be like.

    `settle` is how long news takes to reach everyone; `retire_after` how long a CA is trusted after the last
    certificate that it signed was replaced.
    """

    hosts: tuple[str, ...]
    ca_days: int
    leaf_days: int
    settle: dt.timedelta
    retire_after: dt.timedelta


@dataclass(frozen=True, slots=True)
class State:
    """All certificates that count. `since`: when all were seen to trust the next CA, or the old one to sign no more."""

    ca: Identity | None = None
    next_ca: Identity | None = None
    retiring: tuple[Certificate, ...] = ()
    leaf: Identity | None = None
    since: dt.datetime | None = None

    def bundle(self) -> tuple[Certificate, ...]:
        """Return the CAs that the API server shall trust."""
        return (*(own.certificate for own in (self.ca, self.next_ca) if own), *self.retiring)

    def phase(self) -> str:
        """Return where in the protocol this is, in one word."""
        return "prepare" if self.next_ca else "retire" if self.retiring else "steady"


@dataclass(frozen=True, slots=True)
class Trust:
    """The CAs that the API server trusts now, for each entry of the webhook configuration; no entries, no calls."""

    bundles: tuple[tuple[Certificate, ...], ...]

    def includes(self, certificate: Certificate) -> bool:
        """Tell whether a certificate that this CA signed would be accepted for every entry."""
        return all(certificate in bundle for bundle in self.bundles)

    def any(self) -> tuple[Certificate, ...]:
        """Return every CA that some entry trusts."""
        return tuple(dict.fromkeys(certificate for bundle in self.bundles for certificate in bundle))


def step(state: State, trust: Trust, wanted: Wanted, now: dt.datetime, force: Force = "nothing") -> State:
    """Return the state one step further, or the same object where nothing is to be done yet.

    A leaf is renewed by the CA that is trusted already, even while the next one waits.
    """
    if state.since and state.since > now + authority.SKEW:  # the clock went back: wait anew rather than for years
        return dataclasses.replace(state, since=now)
    if state.ca and _may_sign(state.ca, wanted, now) and (force == "leaf" or not _good(state, wanted, now)):
        return dataclasses.replace(state, leaf=_signed(state.ca, wanted, now))
    if state.next_ca:
        return _switch(state, state.next_ca, trust, wanted, now)
    if state.ca is None or force == "ca" or not _may_sign(state.ca, wanted, now) or now >= state.ca.due():
        return _prepare(state, trust, wanted, now)
    if state.retiring:
        return _retire(state, wanted, now)
    return state


def _prepare(state: State, trust: Trust, wanted: Wanted, now: dt.datetime) -> State:
    """Make the next CA. A lost Secret must not cost trust: the servers hold what one of the trusted CAs signed."""
    found = () if state.ca else tuple(ca for ca in trust.any() if ca.not_valid_after_utc > now)
    next_ca = authority.authority(NAME, wanted.hosts, wanted.ca_days, now)
    retiring = tuple(dict.fromkeys((*state.retiring, *found)))
    return dataclasses.replace(state, next_ca=next_ca, retiring=retiring, since=None)


def _switch(state: State, next_ca: Identity, trust: Trust, wanted: Wanted, now: dt.datetime) -> State:
    """Let the next CA sign, once everyone trusts it; where nothing works that could break, at once."""
    if not trust.includes(next_ca.certificate):
        return dataclasses.replace(state, since=None) if state.since else state
    works = bool(state.retiring) or (state.leaf is not None and _alive(state.leaf, now))
    if works:
        if state.since is None:
            return dataclasses.replace(state, since=now)
        if now - state.since <= wanted.settle:  # headers have no fractions of a second
            return state
    old = (state.ca.certificate,) if state.ca and _alive(state.ca, now) else ()
    leaf = _signed(next_ca, wanted, now)
    return State(ca=next_ca, retiring=(*old, *state.retiring), leaf=leaf)


def _retire(state: State, wanted: Wanted, now: dt.datetime) -> State:
    """Trust the old CA no more, some time after the next was *seen* to sign: a write may come long after its look."""
    if state.since is None:
        return dataclasses.replace(state, since=now)
    if now - state.since <= wanted.retire_after:
        return state
    return dataclasses.replace(state, retiring=(), since=None)


def _good(state: State, wanted: Wanted, now: dt.datetime) -> bool:
    """Tell whether the leaf is the CA's, for the right hosts, and not yet due."""
    if state.ca is None or state.leaf is None:
        return False
    leaf = state.leaf.certificate
    return (
        authority.issued(state.ca.certificate, leaf)
        and authority.hosts_of(leaf) == frozenset(wanted.hosts)
        and (now < state.leaf.due() or leaf.not_valid_after_utc == state.ca.certificate.not_valid_after_utc)
    )


def _signed(ca: Identity, wanted: Wanted, now: dt.datetime) -> Identity:
    return authority.serving(ca, wanted.hosts, wanted.leaf_days, now)


def _may_sign(ca: Identity, wanted: Wanted, now: dt.datetime) -> bool:
    return _alive(ca, now) and authority.permits(ca.certificate, wanted.hosts)


def _alive(own: Identity, now: dt.datetime) -> bool:
    return own.certificate.not_valid_after_utc > now
