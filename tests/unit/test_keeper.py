"""One keeper, look by look: what it does, what it says, what it waits for."""

import io
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certs import authority, keeper
from certs.api import Forbidden, NotDone
from certs.protocol import Force, State
from certs.store import Seen
from tests.support.certificate_world import ENOUGH, WANTED, Ended, Turns, World, number, quiet, state_of


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds of each sleep, none of which takes any time."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


class MayNotPatch(Turns):
    """A keeper whose account lacks a right."""

    def write_ca_bundles(self, _: Seen) -> bool:
        raise Forbidden("not allowed to PATCH")


class TooLate(Turns):
    """A keeper who finds that somebody else wrote the Secret first."""

    def write_secret(self, *_: object) -> bool:
        return False


def test_each_step_is_one_line_and_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    assert [keeper.reconcile_once(Turns(world), WANTED, None) for _ in range(5)] == [True, True, True, False, False]
    said, state = capsys.readouterr().out, state_of(world)
    ca = number(state.ca)
    assert list(map(json.loads, said.splitlines())) == [
        {"event": "step", "before": "steady", "after": "prepare", "next_ca": ca},
        {"event": "caBundle written", "authorities": 1},
        {"event": "step", "before": "prepare", "after": "steady", "ca": ca, "leaf": number(state.leaf)},
    ]
    assert " " not in said.replace("caBundle written", "")
    assert "PRIVATE" not in said


def test_what_is_said_is_there_to_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BufferedWriter(written)))
    keeper.log("event")
    assert written.getvalue() == b'{"event":"event"}\n'


def test_a_ca_that_waits_is_told_with_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    world = quiet()
    capsys.readouterr()
    keeper.reconcile_once(Turns(world), WANTED, None, "ca")
    state = state_of(world)
    own = {"ca": number(state.ca), "next_ca": number(state.next_ca), "leaf": number(state.leaf)}
    assert lines(capsys) == [{"event": "step", "before": "steady", "after": "prepare", **own}]


def test_who_may_not_write_the_cabundle_renews_what_is_trusted_and_says_so() -> None:
    world = quiet()
    first = state_of(world).leaf
    world.seconds = 21 * 86400
    assert keeper.reconcile_once(MayNotPatch(world), WANTED, None)
    assert number(state_of(world).leaf) != number(first)
    with pytest.raises(NotDone, match=r"^not allowed to PATCH$"):
        keeper.reconcile_once(MayNotPatch(world), WANTED, None)


def test_all_that_is_wrong_is_told_together() -> None:
    world = quiet()
    assert world.secret
    world.secret["data"]["since"] = "bm9uZQ=="
    with pytest.raises(NotDone, match=r"^Secret ns/certificate: since: malformed; not allowed to PATCH$"):
        keeper.reconcile_once(MayNotPatch(world), WANTED, None)


def test_whoever_is_too_late_leaves_it_to_the_faster(capsys: pytest.CaptureFixture[str]) -> None:
    assert not keeper.reconcile_once(TooLate(World()), WANTED, None)
    assert lines(capsys) == []


def test_what_cannot_be_done_is_said_once_until_something_else_is_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], slept: list[float]
) -> None:
    results: list[bool | Exception] = [*map(NotDone, "aab"), True, False, False, True, NotDone("b"), Ended()]

    def tend(*arguments: Any) -> bool:
        assert arguments == ("the store", WANTED, Path("out"))
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(keeper, "reconcile_once", tend)
    with pytest.raises(Ended):
        keeper.run_forever("the store", WANTED, Path("out"))  # type: ignore[arg-type] # a name is enough here
    assert lines(capsys) == [{"event": "not done", "problem": problem} for problem in "abb"]
    assert slept == [5] * 6


@pytest.mark.parametrize("what", ["leaf", "ca"])
def test_what_a_person_wishes_is_begun_however_often_others_are_faster(what: Force, slept: list[float]) -> None:
    world = quiet()
    before = state_of(world)

    class Unlucky(Turns):
        """Too late, twice."""

        def write_secret(self, seen: Seen, state: State) -> bool:
            return len(slept) >= 2 and super().write_secret(seen, state)

    keeper.force_rotation(Unlucky(world), WANTED, None, what, before)
    assert slept == [1, 1]
    after = state_of(world)
    assert (number(after.leaf) == number(before.leaf)) == (what == "ca")
    assert bool(after.next_ca) == (what == "ca")


@pytest.mark.parametrize("what", ["leaf", "ca"])
@pytest.mark.parametrize("had", [True, False])
def test_what_somebody_else_began_counts(what: Force, had: bool) -> None:
    before = state_of(quiet()) if had else State()
    world = quiet()
    version = world.version
    keeper.force_rotation(Turns(world), WANTED, None, what, before)
    assert world.version == version


def test_a_leaf_that_others_renew_is_no_new_ca_nor_is_one_that_is_gone() -> None:
    before = state_of(quiet())
    assert before.ca
    renewed = replace(before, leaf=authority.serving(before.ca, WANTED.hosts, 30))
    assert keeper._is_rotated(renewed, before, "leaf")
    assert not keeper._is_rotated(renewed, before, "ca")
    assert not keeper._is_rotated(replace(before, next_ca=before.ca), before, "leaf")
    assert not keeper._is_rotated(State(), before, "leaf")


def test_it_waits_second_by_second_until_the_old_ca_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    world = quiet()
    first = state_of(world)
    keeper.reconcile_once(Turns(world), WANTED, None, "ca")
    phases: list[str] = []

    def sleep(seconds: float) -> None:
        world.seconds += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    keeper.wait_until_steady(Turns(world), WANTED, None, lambda seen: phases.append(seen.state.phase()))
    assert phases == ["prepare"] * ENOUGH + ["retire"] * ENOUGH
    assert number(state_of(world).ca) != number(first.ca)
    assert Turns(world).read().trust.any() == state_of(world).bundle()


@pytest.mark.parametrize("missing", ["leaf", "trust"])
def test_it_is_not_settled_without_a_leaf_that_all_entries_trust(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = quiet()
    seen = Turns(world).read()
    if missing == "leaf":
        Turns(world).write_secret(seen, replace(seen.state, leaf=None))
    elif world.registered:
        world.registered["webhooks"][1]["clientConfig"] = {}

    def idle(*_: Any) -> bool:
        return False

    def waiting(_: Seen) -> None:
        raise Ended

    monkeypatch.setattr(keeper, "reconcile_once", idle)
    with pytest.raises(Ended):
        keeper.wait_until_steady(Turns(world), WANTED, None, waiting)
