"""docs/reliability.md quotes what was measured, and nothing else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs/reliability.md").read_text()
ROWS = re.findall(r"^\| .+ \| (.+) \| \[(.+)\]\(evidence/\2\) \| `(.+)` \|$", PAGE, re.MULTILINE)


def numbers(value: Any) -> Iterator[float]:
    """Yield every number in some figures."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from numbers(inner)


def test_there_are_rows() -> None:
    assert len(ROWS) == PAGE.count("](evidence/") == 14


@pytest.mark.parametrize(("result", "file", "command"), ROWS)
def test_a_row_has_the_numbers_and_the_command_of_its_evidence(result: str, file: str, command: str) -> None:
    evidence = json.loads((ROOT / "docs/evidence" / file).read_text())
    assert command == evidence["command"]
    quoted = {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\d)", result)}
    assert quoted
    assert quoted <= set(numbers(evidence["figures"]))
