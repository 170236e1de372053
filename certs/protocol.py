"""Decide the next step of a rotation. Every CA is trusted before any certificate that it signed is served.

    prepare   create the next CA; the CA bundle holds both
    switch    once every CA bundle has held it long enough, the next CA signs the serving certificate
    retire    once no server uses a certificate of the old CA, remove it from the CA bundle

Each step is one write of one Secret, so a keeper can crash at any point and another one continues.
This module reads no clock and sends no request. Prior art: open-policy-agent/cert-controller#13, gatekeeper#1045.
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
class Policy:
    """The hosts and lifetimes of the certificates.

    `settle` is the time for a change to reach every server and API server.
    `retire_after` is how long an old CA stays trusted after its last certificate was replaced.
    """

    hosts: tuple[str, ...]
    ca_days: int
    leaf_days: int
    settle: dt.timedelta
    retire_after: dt.timedelta


@dataclass(frozen=True, slots=True)
class State:
    """All current certificates. `since`: when the next CA was first seen trusted, or the old one replaced."""

    ca: Identity | None = None
    next_ca: Identity | None = None
    retiring: tuple[Certificate, ...] = ()
    leaf: Identity | None = None
    since: dt.datetime | None = None

    def bundle(self) -> tuple[Certificate, ...]:
        """Return the CAs that the API server must trust."""
        return (*(own.certificate for own in (self.ca, self.next_ca) if own), *self.retiring)

    def phase(self) -> str:
        """Return the phase: prepare, retire, or steady."""
        return "prepare" if self.next_ca else "retire" if self.retiring else "steady"


@dataclass(frozen=True, slots=True)
class Trust:
    """The CAs that each entry of the webhook configuration trusts now."""

    bundles: tuple[tuple[Certificate, ...], ...]

    def includes(self, certificate: Certificate) -> bool:
        """Check whether every entry trusts this CA."""
        return all(certificate in bundle for bundle in self.bundles)

    def any(self) -> tuple[Certificate, ...]:
        """Return every CA that some entry trusts."""
        return tuple(dict.fromkeys(certificate for bundle in self.bundles for certificate in bundle))


def step(state: State, trust: Trust, policy: Policy, now: dt.datetime, force: Force = "nothing") -> State:
    """Return the next state, or the same object if nothing is due.

    The current CA still renews the leaf while the next CA waits to be trusted.
    """
    if state.since and state.since > now + authority.SKEW:  # the clock was set back: restart the wait
        return dataclasses.replace(state, since=now)
    if state.ca and _may_sign(state.ca, policy, now) and (force == "leaf" or not _good(state, policy, now)):
        return dataclasses.replace(state, leaf=_signed(state.ca, policy, now))
    if state.next_ca:
        return _switch(state, state.next_ca, trust, policy, now)
    if state.ca is None or force == "ca" or not _may_sign(state.ca, policy, now) or now >= state.ca.due():
        return _prepare(state, trust, policy, now)
    if state.retiring:
        return _retire(state, policy, now)
    return state


def _prepare(state: State, trust: Trust, policy: Policy, now: dt.datetime) -> State:
    """Create the next CA. If the Secret was lost, keep the trusted CAs: servers still use their certificates."""
    found = () if state.ca else tuple(ca for ca in trust.any() if ca.not_valid_after_utc > now)
    next_ca = authority.authority(NAME, policy.hosts, policy.ca_days, now)
    retiring = tuple(dict.fromkeys((*state.retiring, *found)))
    return dataclasses.replace(state, next_ca=next_ca, retiring=retiring, since=None)


def _switch(state: State, next_ca: Identity, trust: Trust, policy: Policy, now: dt.datetime) -> State:
    """Make the next CA sign once it is trusted everywhere, or at once if there is no valid certificate to break."""
    if not trust.includes(next_ca.certificate):
        return dataclasses.replace(state, since=None) if state.since else state
    works = bool(state.retiring) or (state.leaf is not None and _alive(state.leaf, now))
    if works:
        if state.since is None:
            return dataclasses.replace(state, since=now)
        if now - state.since <= policy.settle:  # strictly longer: the Date header has whole seconds
            return state
    old = (state.ca.certificate,) if state.ca and _alive(state.ca, now) else ()
    leaf = _signed(next_ca, policy, now)
    return State(ca=next_ca, retiring=(*old, *state.retiring), leaf=leaf)


def _retire(state: State, policy: Policy, now: dt.datetime) -> State:
    """Remove the old CA from the bundle. Count from when the switch was *read*: its write may be delayed."""
    if state.since is None:
        return dataclasses.replace(state, since=now)
    if now - state.since <= policy.retire_after:
        return state
    return dataclasses.replace(state, retiring=(), since=None)


def _good(state: State, policy: Policy, now: dt.datetime) -> bool:
    """Check whether the leaf has the right CA and hosts and is not due."""
    if state.ca is None or state.leaf is None:
        return False
    leaf = state.leaf.certificate
    return (
        authority.issued(state.ca.certificate, leaf)
        and authority.hosts_of(leaf) == frozenset(policy.hosts)
        and (now < state.leaf.due() or leaf.not_valid_after_utc == state.ca.certificate.not_valid_after_utc)
    )


def _signed(ca: Identity, policy: Policy, now: dt.datetime) -> Identity:
    return authority.serving(ca, policy.hosts, policy.leaf_days, now)


def _may_sign(ca: Identity, policy: Policy, now: dt.datetime) -> bool:
    return _alive(ca, now) and authority.permits(ca.certificate, policy.hosts)


def _alive(own: Identity, now: dt.datetime) -> bool:
    return own.certificate.not_valid_after_utc > now
