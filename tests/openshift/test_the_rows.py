"""docs/rows.md says what the tests of this very run saw. The name sorts behind all that show a row."""

import pytest

from tests.support import rows
from tests.support.paths import ROOT

PAGE = ROOT / "docs/rows.md"


def test_the_table_is_what_the_tests_saw(rig: None, request: pytest.FixtureRequest) -> None:
    missing = rows.EXPECTED - {row for row, _ in rows.SHOWN}
    if missing:
        pytest.skip(f"this run did not show {', '.join(sorted(missing))}: run the whole suite, on the rig")
    assert {(row, obj) for row, objects in rows.ran().items() for obj in objects} <= rows.SHOWN.keys()
    if request.config.getoption("--update-rows"):
        PAGE.write_text(rows.table())
    assert PAGE.read_text() == rows.table(), "make rows"
