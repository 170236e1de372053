"""Examples on pages: YAML parses, and kubeflow-openshift takes these arguments. Other tests run some of them."""

import re
import shlex
from collections.abc import Iterator

import pytest
import yaml

from tests.support.paths import ROOT
from webhook.cli.main import parser

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
OURS = "kubeflow-openshift "
PLACEHOLDERS = {"DIR": "deploy", "NAME": "name", "VERSION": "1.36"}


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Yield page and text of each block in a language."""
    for page in PAGES:
        for indent, found, text in BLOCK.findall(page.read_text()):
            if found == language:
                yield page.name, re.sub(f"^{indent}", "", text, flags=re.MULTILINE)


def own_commands(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of the project's own command."""
    for line in text.replace("\\\n", " ").splitlines():
        for part in re.split(r"\||&&|;|>|<\(?", line.partition(" #")[0]):
            if part.strip().startswith(OURS) and "exit codes" not in part:
                yield shlex.split(part.strip().removesuffix(")"))[1:]


COMMANDS = [(page, arguments) for page, text in blocks("") for arguments in own_commands(text)]


def test_there_are_examples() -> None:
    assert len(COMMANDS) > 20
    assert len(list(blocks("yaml"))) > 5


@pytest.mark.parametrize(
    ("page", "arguments"), COMMANDS, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_our_own_command_takes_these_arguments(page: str, arguments: list[str]) -> None:
    if "--help" not in arguments:
        assert callable(parser().parse_args([PLACEHOLDERS.get(word, word) for word in arguments]).command)


@pytest.mark.parametrize(("page", "text"), list(blocks("yaml")))
def test_yaml_parses(page: str, text: str) -> None:
    assert [document for document in yaml.safe_load_all(text) if document]
