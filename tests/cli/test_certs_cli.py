"""`python -m certs`: what each command does, returns and says, on a cluster in memory."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certs import __main__ as certs
from certs import authority, keeper
from certs.api import NotDone
from certs.protocol import Policy
from certs.store import Names
from tests.support.certificate_world import Ended, Turns, World, number, state_of

HOST = "kubeflow-openshift.kubeflow-openshift.svc"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def command(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs one command and returns its status and what it wrote; waiting takes no time."""

    def sleep(seconds: float) -> None:
        world.seconds += seconds

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["certs", *arguments])
        status = certs.main()
        return status, *capsys.readouterr()

    monkeypatch.setattr(certs, "Store", lambda *_: Turns(world))
    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return run


def test_a_signal_ends_it_well(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Callable[..., None]] = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    command("show")
    assert handlers.keys() == {signal.SIGTERM, signal.SIGINT}
    for handler in handlers.values():
        with pytest.raises(SystemExit) as ended:
            handler(signal.SIGTERM, None)
        assert ended.value.code == 0


def test_it_looks_where_it_is_told(command: Command, monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    asked: list[Any] = []

    def store(*where: Any) -> Turns:
        asked.append(where)
        return Turns(world)

    monkeypatch.setattr(certs, "Store", store)
    command("show")
    command("show", "--secret", "a/b", "--webhook-configuration", "c", "--kubeconfig", "d")
    names = Names("kubeflow-openshift", "kubeflow-openshift-certificate", "zz-kubeflow-openshift")
    assert asked == [(names, None), (Names("a", "b", "c"), Path("d"))]


def test_what_is_not_done_is_a_line_and_1(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def store(*_: Any) -> Turns:
        raise NotDone("no way in")

    monkeypatch.setattr(certs, "Store", store)
    assert command("show") == (1, "", "no way in\n")


def test_once_is_done_when_nothing_is_left_to_do_now(command: Command, world: World, tmp_path: Path) -> None:
    status, _, problem = command("ensure", "--once", "--out", str(tmp_path))
    leaf = state_of(world).leaf
    assert (status, problem, world.seconds) == (0, "", 0)
    assert leaf
    assert (tmp_path / "serving.pem").read_bytes() == leaf.pem()
    assert authority.hosts_of(leaf.certificate) == {HOST}


def policy_of(command: Command, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[Policy, Path | None]:
    def ensure(_: Any, *policy: Any) -> None:
        raise Ended(*policy)

    monkeypatch.setattr(keeper, "run_forever", ensure)
    with pytest.raises(Ended) as ended:
        command("ensure", *arguments)
    policy, out = ended.value.args
    return policy, out


def test_left_alone_a_ca_is_trusted_as_long_as_what_it_signed(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, out = policy_of(command, monkeypatch)
    assert (policy.hosts, policy.ca_days, policy.leaf_days, out) == ((HOST,), 365, 30, None)
    assert (policy.settle.total_seconds(), policy.retire_after.days) == (90, 30)


def test_all_of_it_can_be_said_otherwise(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    lives = ("--ca-days", "36500", "--leaf-days", "1", "--settle", "86400")
    policy, out = policy_of(command, monkeypatch, "--host", "a", "--host", "b", "--out", "c", *lives)
    assert (policy.hosts, policy.ca_days, policy.leaf_days, out) == (("a", "b"), 36500, 1, Path("c"))
    assert (policy.settle.total_seconds(), policy.retire_after.days) == (86400, 1)
    policy, _ = policy_of(command, monkeypatch, "--service", "a/b", "--settle", "0")
    assert (policy.hosts, policy.settle.total_seconds()) == (("b.a.svc",), 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "--secret", "a"], "expected NAMESPACE/NAME, got 'a'"),
        (["show", "--secret", "a/"], "expected NAMESPACE/NAME, got 'a/'"),
        (["show", "--secret", "/a"], "expected NAMESPACE/NAME, got '/a'"),
        (["show", "--secret", "a/b/c"], "expected NAMESPACE/NAME, got 'a/b/c'"),
        (["ensure", "--leaf-days", "0"], "expected days from 1 to 36500, got '0'"),
        (["ensure", "--ca-days", "36501"], "expected days from 1 to 36500, got '36501'"),
        (["ensure", "--ca-days", "a"], "expected days from 1 to 36500, got 'a'"),
        (["rotate", "--settle", "-1"], "expected seconds from 0 to 86400, got '-1'"),
        (["rotate", "--settle", "86401"], "expected seconds from 0 to 86400, got '86401'"),
        (["ensure", "--host", "a", "--service", "a/b"], "not allowed with"),
        (["show", "--out", "a"], "unrecognized arguments: --out"),
        ([], "the following arguments are required: command"),
    ],
)
def test_bad_usage_is_2_and_a_line(
    arguments: list[str], said: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command(*arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


MADE = "[--out DIR] [--ca-days N] [--leaf-days N] [--settle SECONDS]"
WHERE = "[-h]{} [--secret NAMESPACE/NAME] [--webhook-configuration NAME] [--kubeconfig FILE]"
FOR = "[--service NAMESPACE/NAME | --host NAME]"


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("ensure", f"{WHERE.format(' [--once]')} {FOR} {MADE}"),
        ("rotate", f"{WHERE.format(' [--ca] [--force]')} {FOR} {MADE}"),
        ("show", WHERE.format("")),
    ],
)
def test_help_names_every_option(
    name: str, usage: str, command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit):
        command(name, "--help")
    assert capsys.readouterr().out.splitlines()[0] == f"usage: python -m certs {name} {usage}"


@pytest.mark.parametrize("what", [[], ["--ca"]])
def test_what_is_not_due_is_left_alone_unless_it_is_forced(command: Command, world: World, what: list[str]) -> None:
    command("ensure", "--once")
    before = state_of(world)
    day = "2026-09-01 07:40" if what else "2026-01-20 23:40"  # two thirds of a life that began an hour before
    assert command("rotate", *what) == (
        0, "", f"not due until {day} UTC: nothing done (--force does it now)\n"
    )  # fmt: skip
    status, said, _ = command("rotate", *what, "--force", "--settle", "2")
    after = state_of(world)
    assert status == 0
    assert (number(after.ca) == number(before.ca), number(after.leaf) == number(before.leaf)) == (not what, False)
    assert world.seconds == (6 if what else 0)
    assert "steady" in said


def test_what_is_due_is_replaced_without_force(command: Command, world: World) -> None:
    command("ensure", "--once")
    before = state_of(world)
    world.seconds = 20 * 86400
    assert command("rotate")[0] == 0
    assert number(state_of(world).leaf) != number(before.leaf)
    assert number(state_of(world).ca) == number(before.ca)


def test_as_people_run_it_no_way_in_is_a_line() -> None:
    line = [sys.executable, "-m", "certs", "show", "--kubeconfig", "none"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=30)
    assert done.stderr.startswith("no cluster credentials: ")
    assert done.stderr.endswith("; pass --kubeconfig FILE\n")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
