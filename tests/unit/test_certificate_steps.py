"""One step of the protocol, to the second: the moment at which each thing becomes due."""

import base64
import datetime as dt
from dataclasses import replace

import pytest

from certs import authority, secret
from certs.authority import Identity
from certs.protocol import Force, Policy, State, Trust, step
from tests.support.certificate_world import START

SECOND = dt.timedelta(seconds=1)
WANTED = Policy(("a.svc",), 300, 30, settle=90 * SECOND, retire_after=40 * SECOND)
CA = authority.authority("test", WANTED.hosts, WANTED.ca_days, START)
NEXT = authority.authority("next", WANTED.hosts, WANTED.ca_days, START)
LEAF = authority.serving(CA, WANTED.hosts, WANTED.leaf_days, START)
STEADY = State(CA, leaf=LEAF)
PREPARED = replace(STEADY, next_ca=NEXT)
RETIRING = State(NEXT, retiring=(CA.certificate,), leaf=authority.serving(NEXT, WANTED.hosts, 30, START))
NOBODY = Trust(())
"""No entries: nothing is asked, and nothing can break."""


def trusting(*cas: Identity) -> Trust:
    """Return what one entry that trusts these CAs looks like."""
    return Trust((tuple(ca.certificate for ca in cas),))


def ends(own: Identity) -> dt.datetime:
    return own.certificate.not_valid_after_utc


def new_leaf(state: State, now: dt.datetime, policy: Policy = WANTED, force: Force = "nothing") -> bool:
    """Take a step, and check whether it made another serving certificate, and nothing else."""
    after = step(state, NOBODY, policy, now, force)
    assert replace(after, leaf=None) == replace(state, leaf=None)
    return after.leaf is not state.leaf


def test_a_leaf_is_renewed_when_it_is_due_and_no_second_before() -> None:
    assert not new_leaf(STEADY, LEAF.due() - SECOND)
    assert new_leaf(STEADY, LEAF.due())


def test_a_leaf_that_ends_with_its_ca_is_left_alone_for_the_next_ca_brings_another() -> None:
    short = replace(WANTED, ca_days=30)
    ca = authority.authority("test", short.hosts, 30, START)
    leaf = authority.serving(ca, short.hosts, 30, START + dt.timedelta(days=1))
    assert ends(leaf) == ends(ca)
    now = leaf.due()
    assert now > ca.due()
    prepared = State(ca, next_ca=NEXT, leaf=leaf, since=now)
    assert step(prepared, NOBODY, short, now) is prepared


@pytest.mark.parametrize("harm", [{"leaf": None}, {"ca": NEXT}])
def test_a_leaf_that_is_missing_or_anothers_is_made_at_once(harm: dict[str, Identity | None]) -> None:
    assert new_leaf(replace(STEADY, **harm), START)  # type: ignore[arg-type] # a CA or a leaf


def test_a_leaf_for_fewer_hosts_is_made_again() -> None:
    both = replace(WANTED, hosts=("a.svc", "b.svc"))
    ca = authority.authority("test", both.hosts, 300, START)
    assert new_leaf(State(ca, leaf=authority.serving(ca, ("a.svc",), 30, START)), START, both)


def test_a_person_gets_a_new_leaf_but_not_from_a_ca_that_may_not_sign() -> None:
    assert new_leaf(STEADY, START, force="leaf")
    assert not new_leaf(STEADY, START)
    other = replace(WANTED, hosts=("b.svc",))
    assert step(STEADY, NOBODY, other, START, "leaf").leaf is LEAF


def test_the_next_ca_is_made_when_the_ca_is_due_and_no_second_before() -> None:
    late = replace(STEADY, leaf=authority.serving(CA, WANTED.hosts, 30, CA.due() - SECOND))
    assert step(late, NOBODY, WANTED, CA.due() - SECOND) is late
    made = step(late, NOBODY, WANTED, CA.due())
    assert made == replace(late, next_ca=made.next_ca)
    assert made.next_ca
    assert made.next_ca.certificate.not_valid_after_utc == CA.due() + dt.timedelta(days=300)
    assert authority.permits(made.next_ca.certificate, WANTED.hosts)
    names = made.next_ca.certificate.subject.rfc4514_string()
    assert names == "CN=kubeflow-openshift"


@pytest.mark.parametrize("force", ["leaf", "nothing"])
def test_a_ca_that_has_ended_signs_nothing(force: Force) -> None:
    made = step(STEADY, NOBODY, WANTED, ends(CA), force)
    assert made.next_ca
    assert made.leaf is LEAF
    assert not step(STEADY, NOBODY, WANTED, ends(CA) - SECOND, force).next_ca


def test_a_person_gets_a_new_ca_even_while_one_retires() -> None:
    made = step(replace(RETIRING, since=START), NOBODY, WANTED, START, "ca")
    assert made.next_ca
    assert (made.retiring, made.since) == (RETIRING.retiring, None)


def test_a_lost_secret_keeps_every_ca_that_some_entry_trusts_yet() -> None:
    trust = Trust(((CA.certificate,), (NEXT.certificate, CA.certificate)))
    made = step(State(), trust, WANTED, ends(CA) - SECOND)
    assert made.retiring == (CA.certificate, NEXT.certificate)
    assert step(State(), trust, WANTED, ends(CA)).retiring == ()
    other = step(replace(STEADY, ca=None, retiring=(NEXT.certificate,)), trust, WANTED, START)
    assert other.retiring == (NEXT.certificate, CA.certificate)
    assert step(STEADY, trusting(NEXT), WANTED, START, "ca").retiring == ()


def test_the_next_ca_signs_only_when_every_entry_has_it() -> None:
    some = Trust(((CA.certificate, NEXT.certificate), (CA.certificate,)))
    assert step(PREPARED, some, WANTED, START) is PREPARED
    waiting = replace(PREPARED, since=START)
    assert step(waiting, some, WANTED, START) == PREPARED  # and the wait begins again


def test_the_wait_is_longer_than_what_was_asked_for() -> None:
    trust = trusting(CA, NEXT)
    waiting = step(PREPARED, trust, WANTED, START)
    assert waiting == replace(PREPARED, since=START)
    assert step(waiting, trust, WANTED, START + WANTED.settle) is waiting
    switched = step(waiting, trust, WANTED, START + WANTED.settle + SECOND)
    assert switched.leaf
    assert switched == State(NEXT, retiring=(CA.certificate,), leaf=switched.leaf)
    assert authority.issued(NEXT.certificate, switched.leaf.certificate)


@pytest.mark.parametrize(
    ("state", "now"),
    [
        (State(next_ca=NEXT), START),
        (State(next_ca=NEXT, since=START), START),
        (State(CA, next_ca=NEXT, leaf=LEAF), ends(CA)),
        (State(next_ca=NEXT, leaf=LEAF), ends(LEAF)),
    ],
)
def test_where_nothing_works_that_could_break_nobody_waits(state: State, now: dt.datetime) -> None:
    switched = step(state, trusting(NEXT), WANTED, now)
    assert (switched.ca, switched.retiring, switched.since) == (NEXT, (), None)


@pytest.mark.parametrize("state", [State(next_ca=NEXT, leaf=LEAF), State(next_ca=NEXT, retiring=(CA.certificate,))])
def test_what_may_be_served_yet_is_waited_for_without_its_ca(state: State) -> None:
    assert step(state, trusting(CA, NEXT), WANTED, ends(LEAF) - SECOND) == replace(state, since=ends(LEAF) - SECOND)


def test_the_old_ca_goes_some_time_after_the_next_was_seen_to_sign() -> None:
    seen = step(RETIRING, NOBODY, WANTED, START)
    assert seen == replace(RETIRING, since=START)
    assert step(seen, NOBODY, WANTED, START + WANTED.retire_after) is seen
    assert step(seen, NOBODY, WANTED, START + WANTED.retire_after + SECOND) == replace(RETIRING, retiring=())


def test_a_wait_from_the_future_begins_anew_but_clocks_may_differ_a_little() -> None:
    waiting = replace(PREPARED, since=START + authority.SKEW)
    assert step(waiting, trusting(CA, NEXT), WANTED, START) is waiting
    ahead = replace(PREPARED, since=START + authority.SKEW + SECOND)
    assert step(ahead, trusting(CA, NEXT), WANTED, START) == replace(PREPARED, since=START)


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        ("since", "2026-01-01T00:00:00", "since: malformed"),
        ("since", "yesterday", "since: malformed"),
        ("retiring-ca.crt", "none", "retiring-ca.crt: malformed"),
        ("serving.pem", "none", "serving.pem: expected a certificate and its key"),
        ("next-ca.crt", "none", "next-ca.key and next-ca.crt: expected a certificate and its key"),
        ("ca.key", "none", "ca.key and ca.crt: expected a certificate and its key"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_is_there(key: str, text: str, problem: str) -> None:
    whole = State(CA, NEXT, (CA.certificate,), LEAF, START)
    spoilt = {**secret.written(whole), key: base64.b64encode(text.encode()).decode()}
    state, problems = secret.read(spoilt)
    assert problems == [problem]
    lost = problem.partition(":")[0].split(" and ")
    assert secret.written(state) == {name: text for name, text in secret.written(whole).items() if name not in lost}


def test_what_is_base64_but_for_a_character_cannot_be_read() -> None:
    since = secret.written(State(since=START))["since"]
    assert secret.read({"since": since})[0].since == START
    assert secret.read({"since": f"!{since}"}) == (State(), ["since: malformed"])
