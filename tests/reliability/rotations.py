"""Change the CA again and again under load, with keepers that race or are killed, and count failed admissions.

A hundred rotations take about 12 minutes. Needs the rig.
"""

import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.progress import track

from tests.rig.cluster import running
from tests.support.kept import WRITES, Kept, command, kept, load

ROTATE = ("rotate", "--ca", "--force", "--settle", "2")


def raced(own: Kept, keepers: int) -> int:
    """Have some keepers change the CA at once; return how many of them could not."""
    line = command(own.cluster, own.out, *ROTATE)
    racing = [subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(keepers)]
    return sum(process.wait(120) != 0 for process in racing)


def killed(own: Kept, write: int, when: str) -> float:
    """Kill a keeper at a write; return how long the next one took to finish, or raise."""
    died = own.run(when, str(write), *ROTATE, module=("tests.support.killed_keeper",))
    if died.returncode != -signal.SIGKILL:
        raise RuntimeError(f"not killed {when} write {write}: {died.stderr}")
    begin = time.monotonic()
    own.run(*ROTATE).check_returncode()
    return time.monotonic() - begin


def measure(rotations: int, keepers: int = 2) -> dict[str, Any]:
    """Change the CA so many times with racing keepers, then once with a keeper killed before and after each write."""
    unfinished, recoveries = 0, []
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder, "rig")) as cluster,
        kept(cluster, Path(folder, "serving"), "127.77.0.1") as own,
    ):
        with load(own) as racing:
            for _ in track(range(rotations), description=f"{keepers} keepers"):
                unfinished += raced(own, keepers)
        with load(own) as dying:
            for write in track(range(1, WRITES + 1), description="killed at each write"):
                recoveries += [killed(own, write, when) for when in ("before", "after")]
    return {
        "rotations": rotations,
        "keepers": keepers,
        "keepers_that_could_not": unfinished,
        "admissions": racing.count,
        "looks_at_what_is_served_and_trusted": racing.looks + dying.looks,
        "failed_admissions": len(racing.failures),
        "kills": len(recoveries),
        "admissions_during_kills": dying.count,
        "failed_admissions_during_kills": len(dying.failures),
        "why": sorted(set(racing.failures + dying.failures)),
        "slowest_recovery_seconds": round(max(recoveries), 1),
    }
