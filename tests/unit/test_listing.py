"""What people see of the certificates: which there are, how long they last, who trusts them, what is waited for."""

import base64
import dataclasses
import datetime as dt
import re
from collections.abc import Callable

import pytest
from rich.status import Status

from certs import keeper, listing
from certs.protocol import State
from tests.support.certificate_world import START, WANTED, Turns, World, number, quiet, state_of, tend

Show = Callable[[World], tuple[int, str]]


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """Return a function that shows a world's certificates: its status, and what it printed."""

    def run(world: World) -> tuple[int, str]:
        capsys.readouterr()
        return listing.show(Turns(world)), capsys.readouterr().out

    monkeypatch.setenv("COLUMNS", "80")  # as without a terminal
    return run


ROWS = ("certificate ", "serving ", "CA ", "next CA ", "retiring CA ")


def cells(shown: str) -> list[list[str]]:
    """Return the table that was shown."""
    heads, *rows = [row for row in shown.splitlines() if row.startswith(ROWS)]
    starts = [found.start() for found in re.finditer(r"trusted by|\w+", heads)]
    ends = [*starts[1:], None]
    return [[row[start:end].strip() for start, end in zip(starts, ends, strict=True)] for row in (heads, *rows)]


def test_no_certificate_is_1(show: Show) -> None:
    status, said = show(World())
    assert (status, cells(said)) == (1, [["certificate", "serial", "until", "renewed", "trusted by"]])
    assert "no CA yet" in said


def test_good_certificates_are_0_and_who_trusts_them(show: Show) -> None:
    world = quiet()
    status, said = show(world)
    state, counted = state_of(world), "3 of 3 entries"
    assert status == 0
    assert cells(said)[1:] == [
        ["serving", number(state.leaf), "2026-01-31 (30 days)", "2026-01-20", counted],
        ["CA", number(state.ca), "2027-01-01 (365 days)", "2026-09-01", counted],
    ]


def test_while_a_ca_changes_both_are_shown(show: Show) -> None:
    world = quiet()
    wanted = dataclasses.replace(WANTED, settle=dt.timedelta(), retire_after=dt.timedelta(days=1))
    keeper.reconcile_once(Turns(world), wanted, None, "ca")
    status, said = show(world)
    assert status == 0
    assert [[row[0], row[-1]] for row in cells(said)[1:]] == [
        ["serving", "3 of 3 entries"], ["CA", "3 of 3 entries"], ["next CA", "0 of 3 entries"]
    ]  # fmt: skip
    assert listing.PHASES["prepare"] in said
    for _ in range(3):
        keeper.reconcile_once(Turns(world), wanted, None)
        world.seconds += 1
    said = show(world)[1]
    assert [[row[0], *row[3:]] for row in cells(said)[3:]] == [["retiring CA", "never", "3 of 3 entries"]]
    assert listing.PHASES["retire"] in said


def wipe_one(world: World) -> str:
    assert world.registered
    world.registered["webhooks"][0]["clientConfig"] = {}
    return "2 of 3 entries"


def expire(world: World) -> str:
    world.seconds = 30 * 86400
    return "2026-01-31 (expired)"


def spoil(world: World) -> str:
    assert world.secret
    world.secret["data"]["since"] = base64.b64encode(b"[red]").decode()
    return "Secret ns/certificate: since: malformed"


def forget(what: str, world: World) -> None:
    store = Turns(world)
    seen = store.read()
    store.write_secret(seen, dataclasses.replace(seen.state, **{what: None}))  # type: ignore[arg-type] # any may be none


def forget_the_ca(world: World) -> str:
    forget("ca", world)
    return "0 of 3 entries"


def forget_the_leaf(world: World) -> str:
    forget("leaf", world)
    return "CA"


@pytest.mark.parametrize("harm", [wipe_one, expire, spoil, forget_the_ca, forget_the_leaf])
def test_what_would_fail_is_shown_and_1(show: Show, harm: Callable[[World], str]) -> None:
    world = quiet()
    assert show(world)[0] == 0
    said = harm(world)
    status, shown = show(world)
    assert status == 1
    assert said in [*(cell for row in cells(shown) for cell in row), shown.splitlines()[-1]]


def test_what_the_api_server_says_is_shown_as_it_is(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    world = quiet()
    seen = dataclasses.replace(Turns(world).read(), problems=("not allowed: [red] 404",))
    monkeypatch.setattr(Turns, "read", lambda _: seen)
    monkeypatch.setenv("FORCE_COLOR", "1")
    status, shown = show(world)
    assert (status, shown.splitlines()[-1]) == (1, "not allowed: [red] 404")


def test_what_is_due_this_moment_is_due() -> None:
    state = state_of(quiet())
    assert state.ca
    assert state.leaf
    for what, date in (("ca", state.ca.due()), ("leaf", state.leaf.due())):
        assert listing.not_due(state, what, date) is None
        assert listing.not_due(state, what, date - dt.timedelta(seconds=1)) == date
    assert listing.not_due(State(), "ca", START) is None


def test_who_waits_reads_what_for_once_per_phase(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare, retire, updates = listing.PHASES["prepare"], listing.PHASES["retire"], list[str]()
    monkeypatch.setattr(Status, "update", lambda _, text: updates.append(text))
    world = quiet()
    keeper.reconcile_once(Turns(world), WANTED, None, "ca")
    with listing.progress() as waiting:
        for _ in range(4):
            waiting(Turns(world).read())
            tend(world)
            world.seconds += 31
    assert updates == [prepare, f"{prepare}, for 31 s", f"{prepare}, for 62 s", f"{retire}, for 31 s"]
    assert capsys.readouterr().err.splitlines() == [prepare, retire]
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal, where the moving line says it
    with listing.progress() as waiting:
        waiting(Turns(world).read())
    assert updates[4:] == [f"{retire}, for 62 s"]
    assert retire not in capsys.readouterr().err
