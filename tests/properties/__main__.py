"""Try random cases by the million: `python -m tests.properties NAME --cases 1000000`.

Each case repeats from its seed. Figures go to docs/evidence. `make test` runs the same functions with fewer cases.
"""

import argparse
import random
import sys
from collections.abc import Callable
from typing import Final

from tests.properties import answers, canary, engine, posture, worst
from tests.support import evidence

RUNS: Final[dict[str, tuple[Callable[[int, int], evidence.Measured], int]]] = {
    "properties": (engine.measure, 20_000),
    "malformed": (answers.measure, 50_000),
    "canary": (canary.measure, 10_000),
    "posture": (posture.measure, 2_000),
    "worst": (worst.measure, 2_000),
}
"""What may be run, and how many cases without a number."""


def main() -> int:
    """Run one, print and keep its figures; return 1 where a case failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.properties", description=__doc__)
    parser.add_argument("name", choices=RUNS)
    parser.add_argument("--cases", type=int)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    run, usual = RUNS[arguments.name]
    cases, seed = arguments.cases or usual, arguments.seed

    def measure() -> evidence.Measured:
        figures, wrong = run(seed, cases)
        return {"cases": cases, "seed": seed, **figures}, wrong

    command = f"python -m tests.properties {arguments.name} --cases {cases} --seed {seed}"
    return evidence.keep(arguments.name, command, measure)


if __name__ == "__main__":
    sys.exit(main())
