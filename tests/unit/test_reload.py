"""The configuration file while the server runs."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from webhook.rules import OPTIONS
from webhook.server import configuration
from webhook.server.configuration import Watched
from webhook.settings.configuration import load
from webhook.settings.model import Options, Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def test_a_file_is_read_again_only_when_it_changes(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file.write_text("rules: {fs-group: false}")
    watched = Watched(file, load(file, OPTIONS))
    assert watched.current() is watched.current()
    capfd.readouterr()
    file.write_text("rules: {fs-group: true}")
    os.utime(file, ns=(1, 1))
    assert watched.current().rules == watched.current().rules == {"fs-group": True}
    assert capfd.readouterr().out.count("\n") == 1


def test_a_broken_or_missing_file_keeps_the_last_good_settings(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file.write_text("rules: {fs-group: false}")
    watched = Watched(file, load(file, OPTIONS))
    good = watched.current()
    file.write_text("rules: {fs-group: perhaps}")
    assert watched.current() is watched.current() is good
    assert f"{file}:1: rules.fs-group: " in capfd.readouterr().out
    file.unlink()
    assert watched.current() is good
    file.write_text("allocated: 5-7")
    assert watched.current().allocated == range(5, 8)


def test_an_older_reading_never_replaces_a_newer_one(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("rules: {fs-group: false}")
    watched = Watched(file, load(file, OPTIONS))
    held, go_on = threading.Event(), threading.Event()

    def slowly(path: Path, options: Mapping[str, Options]) -> Settings:
        settings = load(path, options)
        if settings.rules == {"fs-group": True}:
            held.set()
            go_on.wait(5)
        return settings

    monkeypatch.setattr(configuration, "load", slowly)
    file.write_text("rules: {fs-group: true}")
    older = threading.Thread(target=watched.current)
    older.start()
    assert held.wait(5)
    file.write_text("rules: {fs-group: false, run-as-user: false}")
    newer = threading.Thread(target=watched.current)
    newer.start()
    newer.join(0.5)
    go_on.set()
    older.join()
    newer.join()
    assert watched.settings.rules == {"fs-group": False, "run-as-user": False}


def test_without_a_file_nothing_is_watched() -> None:
    assert Watched(None, load(None, OPTIONS)).current() == Settings()
