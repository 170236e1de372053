"""The two-phase protocol: racing keepers, crashes and stale views never let a leaf be served that is not trusted."""

import dataclasses
import datetime as dt
import random
from typing import Any

import pytest
from cryptography.x509 import AuthorityKeyIdentifier

from certs import authority, keeper, protocol, secret
from certs.protocol import State, Trust, Wanted
from tests.certificate_world import NAMES, STALE, START, Turns, World, live

WANTED = Wanted(("a.ns.svc",), 365, 30, dt.timedelta(seconds=STALE), dt.timedelta(seconds=STALE))
ENOUGH = STALE + 1  # clocks in headers have no fractions
SEEDS = range(20)


def rotates(chance: random.Random, world: World) -> None:
    """Have the CA rotate again and again: a person may wish it at any moment."""
    if chance.random() < 0.02:
        store = Turns(world)
        seen = store.look()
        state = protocol.step(seen.state, seen.trust, WANTED, seen.now, "ca")
        if state is not seen.state:
            store.keep(seen, state)


def suffers(chance: random.Random, world: World) -> None:
    """Besides rotations: the Secret deleted, the caBundle wiped, everything registered anew."""
    rotates(chance, world)
    if chance.random() < 0.01 and not busy(world):
        world.store(is_secret=True, value=None)
    if chance.random() < 0.01 and world.registered:
        wiped = {**world.registered, "webhooks": [{"clientConfig": {}} for _ in world.registered["webhooks"]]}
        world.store(is_secret=False, value=wiped)


def busy(world: World) -> bool:
    """Tell whether a CA is being changed: a Secret lost then takes with it what no caBundle tells; not claimed."""
    return state_of(world).phase() != "steady" or Turns(world).look().trust.any() != state_of(world).bundle()


def state_of(world: World) -> State:
    return secret.read((world.secret or {}).get("data") or {})[0]


@pytest.mark.parametrize("keepers", [1, 2, 5])
def test_whoever_races_and_dies_every_leaf_is_trusted_by_everyone(keepers: int) -> None:
    seen = 0
    for seed in SEEDS:
        world = World()
        live(world, WANTED, keepers, seed, rotates)
        assert not world.broken, (seed, world.broken[0])
        seen += len({str(leaf.extensions.get_extension_for_class(AuthorityKeyIdentifier)) for _, leaf in world.leaves})
    assert seen > 2 * len(SEEDS)  # CAs really changed


def test_a_lost_secret_and_a_wiped_bundle_cost_no_trust() -> None:
    for seed in SEEDS:
        world = World()
        live(world, WANTED, 2, seed, suffers)
        assert not world.broken, (seed, world.broken[0])


@pytest.mark.parametrize("hasty", ["settle", "retire_after"])
def test_without_either_wait_it_breaks(hasty: str) -> None:
    """The negative control: the two waits are what holds, and the model sees when one is missing."""
    wanted = dataclasses.replace(WANTED, **{hasty: dt.timedelta()})  # type: ignore[arg-type] # both are durations
    worlds = [World() for _ in SEEDS]
    for seed, world in zip(SEEDS, worlds, strict=True):
        live(world, wanted, 1, seed, rotates)
    assert any(world.broken for world in worlds)


def test_a_change_of_ca_without_overlap_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(state: State, trust: Trust, wanted: Wanted, now: dt.datetime, force: str = "nothing") -> State:
        if state.ca and force != "ca":
            return state
        ca = authority.authority("naive", wanted.hosts, 365, now)
        return State(ca=ca, leaf=authority.serving(ca, wanted.hosts, 30, now))

    monkeypatch.setattr(protocol, "step", at_once)
    world = World()
    live(world, WANTED, 1, 0, rotates)
    assert world.broken


def test_a_bundle_written_on_an_old_view_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keeper that was slow would take the next CA out of the caBundle, were its write not refused."""
    ask = World.ask

    def careless(self: World, method: str, path: str, body: Any) -> Any:
        if method == "PATCH" and self.registered:
            body = [{**body[0], "value": self.registered["metadata"]["resourceVersion"]}, *body[1:]]
        return ask(self, method, path, body)

    monkeypatch.setattr(World, "ask", careless)
    for seed in range(200):
        world = World()
        live(world, WANTED, 5, seed, rotates)
        if world.broken:
            return
    pytest.fail("no old view was ever written")


def quiet() -> World:
    """Return a world that a keeper has tended until nothing was left to do."""
    world = World()
    tend(world)
    return world


def tend(world: World, wanted: Wanted = WANTED) -> State:
    while keeper.tend(Turns(world), wanted, None):
        pass
    return state_of(world)


def test_the_first_certificate_waits_for_nobody() -> None:
    world = quiet()
    state = state_of(world)
    assert state.leaf
    assert state.ca
    assert state.phase() == "steady"
    assert world.seconds == 0
    assert Turns(world).look().trust.includes(state.ca.certificate)


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
    seen = Turns(world).look()
    next_ca = authority.authority("next", WANTED.hosts, 365)
    Turns(world).keep(seen, dataclasses.replace(seen.state, next_ca=next_ca, since=later))
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
