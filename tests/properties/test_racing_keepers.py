"""The two-phase protocol: racing keepers, crashes and stale views never let a leaf be served that is not trusted."""

import dataclasses
import datetime as dt
import random
from typing import Any

import pytest
from cryptography.x509 import AuthorityKeyIdentifier

from certs import authority, protocol
from certs.protocol import Policy, State, Trust
from tests.support.certificate_world import WANTED, Turns, World, live, state_of

SEEDS = range(20)


def rotates(chance: random.Random, world: World) -> None:
    """Have the CA rotate again and again: a person may wish it at any moment."""
    if chance.random() < 0.02:
        store = Turns(world)
        seen = store.read()
        state = protocol.step(seen.state, seen.trust, WANTED, seen.now, "ca")
        if state is not seen.state:
            store.write_secret(seen, state)


def suffers(chance: random.Random, world: World) -> None:
    """Besides rotations: the Secret deleted, the caBundle wiped, everything registered again."""
    rotates(chance, world)
    if chance.random() < 0.01 and not busy(world):
        world.store(is_secret=True, value=None)
    if chance.random() < 0.01 and world.registered:
        wiped = {**world.registered, "webhooks": [{"clientConfig": {}} for _ in world.registered["webhooks"]]}
        world.store(is_secret=False, value=wiped)


def busy(world: World) -> bool:
    """Check whether a CA is being rotated: a Secret lost then also loses a CA that no caBundle has; not claimed."""
    return state_of(world).phase() != "steady" or Turns(world).read().trust.any() != state_of(world).bundle()


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
    policy = dataclasses.replace(WANTED, **{hasty: dt.timedelta()})  # type: ignore[arg-type] # both are durations
    worlds = [World() for _ in SEEDS]
    for seed, world in zip(SEEDS, worlds, strict=True):
        live(world, policy, 1, seed, rotates)
    assert any(world.broken for world in worlds)


def test_a_change_of_ca_without_overlap_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(state: State, trust: Trust, policy: Policy, now: dt.datetime, force: str = "nothing") -> State:
        if state.ca and force != "ca":
            return state
        ca = authority.authority("naive", policy.hosts, 365, now)
        return State(ca=ca, leaf=authority.serving(ca, policy.hosts, 30, now))

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
