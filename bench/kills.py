"""Kill workers with SIGKILL under load: `python -m bench.kills`. Only what a killed one had in hand may fail."""

import argparse
import itertools
import os
import signal
import time
from typing import Any

from rich.progress import track

from bench import evidence
from bench.table import show_figures
from tests.load import Sample, failed, loaded
from tests.server import serving
from tests.test_observe import counted
from tests.test_server import REVIEW

GRACE = 0.1  # seconds in which the kernel ends a process and the client sees that


def measure(kills: int) -> dict[str, Any]:
    """Kill so many workers, one after the other, each while ten clients send reviews."""
    moments = []
    with serving() as server:
        with loaded(server, [REVIEW], pause=0.05) as samples:
            for _ in track(range(kills), "killing workers"):
                time.sleep(0.7)
                moments.append(time.monotonic())
                os.kill(server.workers()[0], signal.SIGKILL)
            time.sleep(1)
        time.sleep(0.2)
        metrics = [counted(server) for _ in range(4)]
    lost = failed(samples)
    in_flight = [sample for sample in lost if any(_spans(sample, moment) for moment in moments)]
    answered = len(samples) - len(lost)
    return {
        "kills": kills,
        "requests": len(samples),
        "failed in flight on the killed worker": len(in_flight),
        f"of these begun within {GRACE} s after the kill": sum(
            any(moment < sample.began <= moment + GRACE for moment in moments) for sample in in_flight
        ),
        "failed though they began after the kill": len(lost) - len(in_flight),
        "longest without an answer, s": round(_longest_gap(samples), 3),
        "metrics count every answer, whichever worker tells": all(answered <= m <= len(samples) for m in metrics),
    }


def _spans(sample: Sample, moment: float) -> bool:
    return sample.began <= moment + GRACE and sample.began + sample.seconds >= moment


def _longest_gap(samples: list[Sample]) -> float:
    ends = sorted(sample.began + sample.seconds for sample in samples if sample.status == 200)
    return max((later - earlier for earlier, later in itertools.pairwise(ends)), default=0.0)


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    options = parser.parse_args()
    started = time.time()
    figures = measure(options.kills)
    path = evidence.write("kills", f"python -m bench.kills --kills {options.kills}", started, figures)
    show_figures("kill -9 of workers under load", figures, path)


if __name__ == "__main__":
    main()
