"""The two-phase protocol step by step, as one keeper takes it: what is due when, and what is recovered."""

import dataclasses
import datetime as dt

import pytest

from certs import authority, secret
from certs.protocol import State
from tests.support.certificate_world import ENOUGH, NAMES, START, WANTED, Turns, World, quiet, state_of, tend


def test_the_first_certificate_waits_for_nobody() -> None:
    world = quiet()
    state = state_of(world)
    assert state.leaf
    assert state.ca
    assert state.phase() == "steady"
    assert world.seconds == 0
    assert Turns(world).read().trust.includes(state.ca.certificate)


def test_nothing_is_done_while_nothing_is_due() -> None:
    world = quiet()
    before = world.version
    for _ in range(19):
        world.seconds += 86400
        tend(world)
    assert world.version == before


def test_a_leaf_is_renewed_at_two_thirds_of_its_life_and_the_ca_stays() -> None:
    world = quiet()
    first = state_of(world)
    world.seconds = 21 * 86400
    second = tend(world)
    assert first.leaf
    assert second.leaf
    assert first.leaf.certificate != second.leaf.certificate
    assert first.bundle() == second.bundle()


def test_a_ca_is_replaced_at_two_thirds_of_its_life_in_two_phases() -> None:
    world = quiet()
    first = state = state_of(world)
    while state.phase() == "steady":
        world.seconds += 86400
        state = tend(world)
    assert world.seconds == 244 * 86400
    assert state.phase() == "prepare"
    assert state.bundle()[0] == first.bundle()[0]
    world.seconds += ENOUGH
    state = tend(world)
    assert state.phase() == "retire"
    assert state.bundle()[1] == first.bundle()[0]
    world.seconds += ENOUGH
    assert tend(world).bundle() == state.bundle()[:1]
    assert not world.broken


def test_a_leaf_that_expired_while_nobody_ran_is_replaced_at_once() -> None:
    world = quiet()
    for days, cas in ((40, 1), (400, 1)):
        world.seconds = days * 86400
        state = tend(world)
        assert state.leaf
        assert state.leaf.certificate.not_valid_after_utc > world.now()
        assert len(state.bundle()) == cas
        assert not world.broken or days == 400  # a CA that expired is trusted by nobody anyway


def test_no_certificate_is_made_again_because_a_clock_went_back() -> None:
    world = quiet()
    before = world.version
    world.seconds = -10 * 365 * 86400
    tend(world)
    assert world.version == before


def test_a_wait_that_began_in_the_future_begins_anew() -> None:
    world = quiet()
    later = START + dt.timedelta(days=300)
    seen = Turns(world).read()
    next_ca = authority.authority("next", WANTED.hosts, 365)
    Turns(world).write_secret(seen, dataclasses.replace(seen.state, next_ca=next_ca, since=later))
    assert tend(world).since == START
    world.seconds = ENOUGH
    assert tend(world).phase() == "retire"


def test_other_hosts_take_another_ca_in_two_phases() -> None:
    world = quiet()
    other = dataclasses.replace(WANTED, hosts=("b.ns.svc",))
    state = tend(world, other)
    assert state.phase() == "prepare"
    assert state.leaf
    assert authority.hosts_of(state.leaf.certificate) == {"a.ns.svc"}
    world.seconds = ENOUGH
    state = tend(world, other)
    assert state.leaf
    assert authority.hosts_of(state.leaf.certificate) == {"b.ns.svc"}
    assert not world.broken


@pytest.mark.parametrize("key", secret.KEYS[:2])
@pytest.mark.parametrize("value", ["", "Z2FyYmFnZQ==", "not base64"])
def test_a_secret_that_was_spoilt_is_recovered_without_a_leaf_that_is_not_trusted(key: str, value: str) -> None:
    world = quiet()
    assert world.secret
    world.store(is_secret=True, value={**world.secret, "data": {**world.secret["data"], key: value}})
    for _ in range(4):
        state = tend(world)
        world.seconds += ENOUGH
    assert state.phase() == "steady"
    assert state.leaf
    assert not world.broken


def test_what_others_keep_in_the_secret_stays() -> None:
    world = World()
    world.secret = {"metadata": {"name": NAMES.secret, "resourceVersion": "1"}, "data": {"theirs": "YQ=="}}
    tend(world)
    assert world.secret["data"]["theirs"] == "YQ=="


def test_without_a_webhook_configuration_a_server_still_gets_its_certificate() -> None:
    world = World()
    world.registered = None
    assert tend(world).leaf


def test_the_secret_reads_back_what_was_written() -> None:
    ca, next_ca = (authority.authority(name, WANTED.hosts, 365) for name in ("one", "two"))
    leaf = authority.serving(ca, WANTED.hosts, 30)
    state = State(ca, next_ca, (next_ca.certificate, ca.certificate), leaf, START)
    again, problems = secret.read(secret.written(state))
    assert not problems
    assert secret.written(again) == secret.written(state)
    assert again.bundle() == state.bundle()
    assert again.since == START
