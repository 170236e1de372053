"""The fenced blocks of the pages, each with the mark above it: which test runs it, or why none does.

The mark is a comment on the line above the fence:

    <!-- run on a node -->             tests/node/test_the_pages.py runs it
    <!-- run on a node; 0 or 1 -->     the same; the page lists the exit codes elsewhere
    <!-- run by tests/FILE.py -->      that test reads the page and runs it
    <!-- not run: needs a registry --> no test runs it, for this reason
    <!-- prints -->                    what the block above prints; `...` stands for any text

A command exits with 0, unless a comment on its line says "exits with 1".
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from tests.support.paths import ROOT

PAGES: Final = ("README.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))))
BLOCK: Final = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<mark>[^\n]*?) -->\n(?P=indent))?```(?P<language>\S*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
ON_A_NODE: Final = "run on a node"
TOLERANT: Final = f"{ON_A_NODE}; 0 or 1"
EXITS: Final = re.compile(r"# .*\bexits with (\d)\b")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    mark: str
    text: str

    def __str__(self) -> str:
        """Return where it is."""
        return f"{self.page}:{self.line}"


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page, as it has them from top to bottom."""
    text = (ROOT / page).read_text()
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found["language"], found["mark"] or "", textwrap.dedent(found["text"]))


def run_on_a_node(page: str) -> list[tuple[Block, str | None]]:
    """Return the blocks of a page that the test on a node runs, each with what the page says that it prints."""
    found = list(blocks(page))
    return [
        (block, following.text if following and following.mark == "prints" else None)
        for block, following in zip_longest(found, found[1:])
        if block.mark in (ON_A_NODE, TOLERANT)
    ]


def exit_codes(text: str) -> dict[int, int]:
    """Return the exit codes other than 0 that comments name, by the number of their line."""
    lines = enumerate(text.splitlines(), 1)
    return {number: int(said[1]) for number, line in lines if (said := EXITS.search(line))}
