"""Change the CA again and again under load, with keepers that race or are killed, and count failed admissions.

`python -m bench.rotations [--rotations 100] [--keepers 2]`; 100 take about 12 minutes. Needs the rig.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.progress import track

from bench import evidence
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


def main() -> int:
    """Measure, print, and write docs/evidence/rotations-N.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.rotations", description=__doc__)
    parser.add_argument("--rotations", type=int, default=100)
    parser.add_argument("--keepers", type=int, default=2)
    options = parser.parse_args()
    started = time.time()
    unfinished, recoveries = 0, []
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder, "rig")) as cluster,
        kept(cluster, Path(folder, "serving"), "127.77.0.1") as own,
    ):
        with load(own) as racing:
            for _ in track(range(options.rotations), description=f"{options.keepers} keepers"):
                unfinished += raced(own, options.keepers)
        with load(own) as dying:
            for write in track(range(1, WRITES + 1), description="killed at each write"):
                recoveries += [killed(own, write, when) for when in ("before", "after")]
    figures = {
        "rotations": options.rotations,
        "keepers": options.keepers,
        "keepers_that_could_not": unfinished,
        "admissions": racing.count,
        "looks_at_what_is_served_and_trusted": racing.looks + dying.looks,
        "failed_admissions": len(racing.failures),
        "kills": len(recoveries),
        "admissions_during_kills": dying.count,
        "failed_admissions_during_kills": len(dying.failures),
        "slowest_recovery_seconds": round(max(recoveries), 1),
    }
    name = f"rotations-{options.keepers}"
    print(f"{evidence.write(name, 'python -m bench.rotations ' + ' '.join(sys.argv[1:]), started, figures)}: {figures}")
    for failure in sorted(set(racing.failures + dying.failures)):
        print(failure)
    return 1 if racing.failures or dying.failures or unfinished else 0


if __name__ == "__main__":
    sys.exit(main())
