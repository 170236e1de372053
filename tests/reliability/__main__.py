"""Break something again and again under load, and count what failed: `python -m tests.reliability NAME [COUNT ...]`.

Figures go to docs/evidence. The same functions run in `make test` with small counts.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Any, Final

from tests.reliability import (
    gitops,
    killed_servers,
    kills,
    neighbours,
    reloads,
    rollouts,
    rotations,
    slow_clients,
    soak,
)
from tests.support import evidence

RUNS: Final[dict[str, tuple[Callable[..., dict[str, Any]], tuple[int, ...], str]]] = {
    "gitops": (gitops.measure, (), ""),
    "killed_servers": (killed_servers.measure, (10,), "KILLS"),
    "kills": (kills.measure, (50,), "KILLS"),
    "neighbours": (neighbours.alone, (20,), "SECONDS"),
    "reloads": (reloads.measure, (500,), "CHANGES"),
    "rollouts": (rollouts.measure, (20,), "RESTARTS"),
    "rotations": (rotations.measure, (60, 2), "ROTATIONS KEEPERS"),
    "slow_clients": (slow_clients.measured, (64, 500), "ATTACKERS ..."),
    "soak": (soak.measure, (60,), "MINUTES"),
}
"""What may be run, how often without a count, and what is counted."""
MUST_BE_ZERO: Final = (
    *("failed", "failed otherwise", "failed_admissions", "failed_admissions_during_kills", "keepers_that_could_not"),
    *("OutOfSync with ServerSideDiff", "Flux: drift", "Flux: changed by the second apply"),
    *("Flux: generations that rose", "helm3: restarted", "helm4: restarted"),
    *(
        "missed",
        "readings that failed",
        "answered by neither or a mixture",
        "unexplained failures",
        "tracebacks in the log",
    ),
)


def main() -> int:
    """Run one, print and keep its figures; return 1 where something failed that must not."""
    counted = "; ".join(f"{name} {what}" for name, (_, _, what) in RUNS.items())
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__, epilog=counted)
    parser.add_argument("name", choices=RUNS)
    parser.add_argument("counts", type=int, nargs="*", metavar="COUNT")
    arguments = parser.parse_args()
    run, usual, _ = RUNS[arguments.name]
    counts = arguments.counts or usual
    file = f"{arguments.name}-{counts[-1]}" if arguments.name == "rotations" else arguments.name

    def measure() -> evidence.Measured:
        figures = run(*counts)
        return figures, [f"{what}: {figures[what]}" for what in MUST_BE_ZERO if figures.get(what)]

    return evidence.keep(file, " ".join(["python -m tests.reliability", arguments.name, *map(str, counts)]), measure)


if __name__ == "__main__":
    sys.exit(main())
