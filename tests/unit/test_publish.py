"""What a keeper publishes for a server on the same machine, and what it does where it cannot."""

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certs import authority, keeper
from certs.api import NotDone
from certs.store import Seen
from tests.support.certificate_world import WANTED, Turns, World, quiet, state_of


def test_a_server_here_gets_its_certificate_and_the_cas_readable_by_itself_alone(tmp_path: Path) -> None:
    world, out = World(), tmp_path / "made" / "for it"
    while keeper.reconcile_once(Turns(world), WANTED, out):
        pass
    state = state_of(world)
    assert state.leaf
    assert (out / "serving.pem").read_bytes() == state.leaf.pem()
    assert (out / "ca.crt").read_bytes() == authority.pem(state.bundle())
    assert [stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()] == [0o600, 0o600]


def test_what_is_published_already_is_not_written_again(tmp_path: Path) -> None:
    seen = Turns(quiet()).read()
    for _ in range(2):
        keeper.publish(tmp_path, seen)
        files = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
        (tmp_path / "serving.pem").chmod(0o640)
    keeper.publish(tmp_path, seen)
    assert {path.name: path.stat().st_ino for path in tmp_path.iterdir()} == files
    assert files.keys() == {"serving.pem", "ca.crt"}


def spoil_leaf(seen: Seen) -> Seen:
    return replace(seen, state=replace(seen.state, leaf=state_of(quiet()).leaf))


def spoil_trust(seen: Seen) -> Seen:
    return replace(seen, trust=replace(seen.trust, bundles=(*seen.trust.bundles, ())))


def without_ca(seen: Seen) -> Seen:
    return replace(seen, state=replace(seen.state, ca=None))


@pytest.mark.parametrize("spoil", [spoil_leaf, spoil_trust, without_ca])
def test_what_an_entry_would_refuse_is_not_published(spoil: Callable[[Seen], Seen], tmp_path: Path) -> None:
    seen = spoil(Turns(quiet()).read())
    keeper.publish(tmp_path, seen)
    assert [path.name for path in tmp_path.iterdir()] == ["ca.crt"] * bool(seen.state.ca)


def test_where_it_cannot_be_written_one_line_says_so_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Turns(quiet()).read()
    (tmp_path / "serving.pem").mkdir()
    with pytest.raises(NotDone, match=r"serving\.pem: cannot write: Is a directory$"):
        keeper.publish(tmp_path, seen)
    assert [path.name for path in tmp_path.iterdir()] == ["serving.pem"]
    (tmp_path / "file").touch()
    with pytest.raises(NotDone, match=r"file/serving\.pem: cannot write: File exists$"):
        keeper.publish(tmp_path / "file", seen)

    def full(path: Path, **_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "touch", full)
    with pytest.raises(NotDone, match=r"serving\.pem: cannot write: No space left on device$"):
        keeper.publish(tmp_path / "new", seen)
