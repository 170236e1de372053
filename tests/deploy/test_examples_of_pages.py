"""Examples on pages: each command block says which test runs it or why none does, and YAML parses."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise

import pytest
import yaml

from tests.support.blocks import ON_A_NODE, PAGES, TOLERANT, Block, blocks
from tests.support.paths import ROOT
from webhook.cli.main import parser

OURS = "kubeflow-openshift "
LANGUAGES = {"sh": "commands", "yaml": "YAML", "text": "what a command prints, or a picture"}
PLACEHOLDERS = {"DIR": "deploy", "NAME": "name", "VERSION": "1.36"}
BLOCKS = [block for page in PAGES for block in blocks(page)]


def of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def own_commands(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of the project's own command."""
    for line in text.replace("\\\n", " ").splitlines():
        for part in re.split(r"\||&&|;|>|<\(?", line.partition(" #")[0]):
            if part.strip().startswith(OURS):
                yield shlex.split(part.strip().removesuffix(")"))[1:]


COMMANDS = [(str(block), arguments) for block in of("sh") for arguments in own_commands(block.text)]


def test_every_fence_is_a_block_of_a_language() -> None:
    fences = sum((ROOT / page).read_text().count("```") for page in PAGES)
    assert fences == 2 * len(BLOCKS) > 100
    assert {str(block): block.language for block in BLOCKS if block.language not in LANGUAGES} == {}


@pytest.mark.parametrize("block", of("sh"), ids=str)
def test_a_command_is_run_by_a_test_or_says_what_it_needs(block: Block) -> None:
    if block.mark in (ON_A_NODE, TOLERANT):
        return
    how, _, what = block.mark.partition(" by ")
    if how == "run":
        assert block.page.rpartition("/")[2] in (ROOT / what).read_text(), f"{what} does not read {block.page}"
    else:
        assert re.fullmatch(r"not run: (needs|takes) .+", block.mark), f"{block}: not marked"


def test_most_commands_are_run() -> None:
    assert sum(block.mark.startswith("run") for block in of("sh")) > 2 * len(of("sh")) / 3


def test_what_is_printed_follows_what_is_run() -> None:
    for before, block in pairwise(BLOCKS):
        if block.mark == "prints":
            assert (block.language, before.page, before.mark[:3]) == ("text", block.page, "run"), str(block)


@pytest.mark.parametrize(
    ("page", "arguments"), COMMANDS, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_our_own_command_takes_these_arguments(page: str, arguments: list[str]) -> None:
    if "--help" not in arguments:
        assert callable(parser().parse_args([PLACEHOLDERS.get(word, word) for word in arguments]).command)


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_yaml_parses(block: Block) -> None:
    assert [document for document in yaml.safe_load_all(block.text) if document]
