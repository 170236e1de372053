"""What an object holds is in no answer, log or metric, however the review ends."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.properties import answers
from tests.properties.canary import WORD, hidden, hits, run
from tests.support.server import review, serving
from webhook.admission import engine


def test_a_word_hidden_in_reviews_is_never_seen_again(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("")
    with serving("--config", str(config)) as server:
        wrong, seen = run(server, config, random.SystemRandom().randrange(2**32), 1000, quiet=True)
    assert wrong == []
    assert seen["status 200"] > 500
    assert seen["status 400"] > 50
    assert seen["log lines"] >= seen["status 200"]


def raises(*_: Any) -> Iterator[Any]:
    raise ValueError(WORD)
    yield


@pytest.mark.parametrize("what", ["the engine", "every rule"])
def test_not_even_where_we_fail(what: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    if what == "the engine":
        monkeypatch.setattr(engine, "evaluate", lambda *_, **__: next(raises()))
    else:
        monkeypatch.setattr(engine, "admissible", raises)  # what every rule's changes go through
    dice, failed = random.Random(1), 0
    for _ in range(100):
        request, _ = hidden(dice)
        status, _, answer = answers.answered(review(request))
        assert status == 200
        assert hits(answer)[0] == []
        failed += "please report it" in answer.decode()
    assert failed > 20
    logged = "".join(capfd.readouterr())
    assert "ValueError" in logged
    assert WORD not in logged


@pytest.mark.parametrize(
    "response",
    [
        {"warnings": [f"left alone: {WORD}"]},
        {"auditAnnotations": {"rules": WORD}},
        {"patch": "W3sib3AiOiJhZGQiLCJwYXRoIjoiL3giLCJ2YWx1ZSI6ImNhbmFyeTVmMWUifV0="},
    ],
)
def test_a_word_that_is_there_is_seen(response: Any) -> None:
    assert hits(json.dumps({"response": response}).encode())[0]
