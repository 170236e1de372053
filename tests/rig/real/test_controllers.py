"""Before anything is built for upstream's controllers its cost is said, and then each step."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.rig import __main__ as command
from tests.rig.node import images, node
from tests.rig.real import controllers


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Let two steps write an archive each, in an empty cache; return which did."""
    monkeypatch.setenv("KUBEFLOW_OPENSHIFT_RIG_CACHE", str(tmp_path))
    monkeypatch.setattr(controllers, "build", lambda _: tmp_path)
    monkeypatch.setattr(command, "build", lambda *_: print("the rig", file=sys.stderr))
    monkeypatch.setattr(node, "prepare", lambda **_: None)
    monkeypatch.setattr(sys, "argv", ["rig", "build", "--real"])
    (tmp_path / "images").mkdir()
    called: list[str] = []

    def step(name: str) -> list[Path]:
        called.append(name)
        archive = tmp_path / f"images/{name}-0123456789ab.tar"
        archive.touch()
        return [archive]

    monkeypatch.setattr(controllers, "STEPS", {name: lambda name=name: step(name) for name in ("one", "two")})
    return called


def test_the_cost_comes_before_all_else(made: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main() == 0
    cost, *rest = capsys.readouterr().err.splitlines()
    assert cost == f"rig: 2 of 2 steps are to be built: {controllers.COST}"
    assert rest == ["the rig", "the rig", "rig: step 1 of 2: one", "rig: step 2 of 2: two"]
    assert made == ["one", "two"]


def test_the_cost_is_said_for_a_single_missing_step(
    made: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    controllers.prepare()
    (tmp_path / f"images/{made[0]}-0123456789ab.tar").unlink()
    capsys.readouterr()
    controllers.say_cost()
    assert capsys.readouterr().err.startswith("rig: 1 of 2 steps are to be built:")


@pytest.mark.usefixtures("made")
def test_nothing_is_said_of_cost_when_all_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    controllers.prepare()
    capsys.readouterr()
    controllers.say_cost()
    assert not capsys.readouterr().err


def test_an_image_is_made_again_when_its_configuration_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys: list[str] = []

    @contextmanager
    def kept(name: str, inputs: bytes) -> Iterator[tuple[Path, bool]]:
        keys.append(inputs.decode())
        yield tmp_path / f"{name}.partial", False

    monkeypatch.setattr(controllers, "build", lambda _: tmp_path)
    monkeypatch.setattr(images, "kept", kept)
    controllers.image(controllers.S3, "gofakes3", "localhost/gofakes3:rig", "app/gofakes3")
    assert "'WorkingDir': '/app'" in keys[0]
