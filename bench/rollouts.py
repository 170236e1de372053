"""Replace replicas under 100 requests a second: `python -m bench.rollouts [--restarts 20]`, about four minutes."""

import argparse
import tempfile
import time
from pathlib import Path

from bench import evidence
from certs import authority
from tests.support.mounted import NAMES
from tests.support.replicas import DAYS, rolled


def main() -> int:
    """Measure, print, and write docs/evidence/rollouts.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.rollouts", description=__doc__)
    parser.add_argument("--restarts", type=int, default=20)
    options = parser.parse_args()
    started = time.time()
    with tempfile.TemporaryDirectory() as folder:
        asked = rolled(authority.authority("bench", NAMES, DAYS), Path(folder), options.restarts)
    figures = {
        "restarts": options.restarts,
        "requests": asked.count,
        "failed": len(asked.failures),
        "connections": asked.connections,
        "closed_politely": asked.closed_politely,
    }
    print(
        evidence.write("rollouts", f"python -m bench.rollouts --restarts {options.restarts}", started, figures), figures
    )
    return 1 if asked.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
