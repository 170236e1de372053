"""The shell that runs the commands of pages notices what is wrong with them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.blocks import ON_A_NODE, TOLERANT, Block
from tests.support.reader_of_pages import Shell, alike


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a shell whose cluster has no API server."""
    (tmp_path / "kubeconfig").write_text('{"contexts": [{}]}')
    cluster: Any = SimpleNamespace(kubeconfig=tmp_path / "kubeconfig", bin=tmp_path)
    return Shell(cluster, tmp_path / "reader", tmp_path)


def wrong(shell: Shell, text: str, mark: str = ON_A_NODE) -> bool:
    return bool(shell.run(Block("page", 1, "sh", mark, text), {})[1])


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("true\ntrue | cat", False),
        ("occ get pods\ntrue", True),
        ("false\ntrue", True),
        ("false | cat\ntrue", True),
        ("false  # exits with 1\ntrue", False),
        ("true\nfalse  # exits with 1", False),
        ("true  # exits with 1", True),
        ("(exit 2)  # exits with 1", True),
        ("kubeflow-openshift fix --diff manifests/  # exits with 1, because something changes", False),
        ("if true; then", True),
        ("while ! true; do sleep 20; done", False),
    ],
)
def test_it_notices_exit_codes_that_the_page_does_not_say(shell: Shell, text: str, is_wrong: bool) -> None:
    assert wrong(shell, text) == is_wrong


def test_where_the_page_lists_exit_codes_elsewhere_1_is_no_mistake(shell: Shell) -> None:
    assert not wrong(shell, "false\ntrue", TOLERANT)
    assert wrong(shell, "(exit 2)\ntrue", TOLERANT)
    assert wrong(shell, "if true; then", TOLERANT)


def test_placeholders_are_words(shell: Shell) -> None:
    block = Block("page", 1, "sh", ON_A_NODE, "echo NAME NAMES kustomize/NAME")
    assert shell.run(block, {"NAME": "web"}) == ("web NAMES kustomize/web\n", "")


def test_three_dots_stand_for_any_text() -> None:
    assert alike("valid until ...\n", "valid until 2026-12-02\n")
    assert not alike("valid until ...\n", "expired on 2026-12-02\n")
