"""The README quotes what was measured, and nothing else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
ROWS = re.findall(r"^\| (.+) \| (.+) \| `(.+\.json)` \|$", (ROOT / "README.md").read_text(), re.MULTILINE)


def numbers(value: Any) -> Iterator[float]:
    """Yield every number in some figures."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from numbers(inner)


def test_there_are_rows() -> None:
    assert len(ROWS) >= 9


@pytest.mark.parametrize(("what", "seen", "file"), ROWS)
def test_every_number_of_a_row_stands_in_its_evidence(what: str, seen: str, file: str) -> None:
    evidence = json.loads((ROOT / "docs/evidence" / file).read_text())
    assert evidence["command"].startswith("python -m bench."), what
    quoted = {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\d)", seen)}
    assert quoted
    assert quoted - set(numbers(evidence["figures"])) <= {26.03}
