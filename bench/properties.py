"""Hold the engine to its properties on a million random requests: `python -m bench.properties --cases 1000000`.

The properties are tests/properties/engine.py's: the lattice, idempotence, order, patch. A case repeats from its seed.
"""

import argparse
import os
import random
import sys
import time

from bench import evidence
from bench.chunks import spread
from tests.properties.engine import Seen, checked

SHOWN = 20
"""Failing cases that are printed; the count says how many there were."""


def run(seed: int, cases: int, processes: int, *, quiet: bool = False) -> Seen:
    """Run the cases of a seed in several processes."""
    seen = Seen()
    for part in spread(checked, seed, cases, processes, quiet=quiet):
        seen.add(part)
    return seen


def main() -> int:
    """Run, print, write docs/evidence/properties.json; 1 where a case failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.properties", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    started = time.time()
    seen = run(arguments.seed, arguments.cases, arguments.processes)
    command = f"python -m bench.properties --cases {arguments.cases} --seed {arguments.seed}"
    figures = {"cases": arguments.cases, "seed": arguments.seed, **seen.figures()}
    print(evidence.write("properties", command, started, figures))
    for seed, why in seen.failed[:SHOWN]:
        print(f"case {seed}: {why}")
    print(f"{len(seen.failed)} of {arguments.cases} cases failed; {seen.patched} were patched")
    return bool(seen.failed)


if __name__ == "__main__":
    sys.exit(main())
