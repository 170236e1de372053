"""What the rig starts outlives its parent, and keeps nothing of it."""

import os
import sys
from pathlib import Path

import pytest

from tests.rig.processes import down, recorded, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the rig is for Linux.")


def test_a_program_has_none_of_its_parents_files(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)  # as flock(1) leaves it to the command that it runs
        start(tmp_path, Path("/bin/sleep"), ["60"], {})
    try:
        files = Path(f"/proc/{recorded(tmp_path)['sleep']}/fd")
        assert {file.readlink() for file in files.iterdir()} == {Path(os.devnull), tmp_path / "sleep.log"}
    finally:
        down(tmp_path)
    assert recorded(tmp_path) == {}
