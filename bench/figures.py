"""Several rounds of one measurement: minimum, median and maximum; and whether the machine is quiet enough to begin."""

import os
import statistics
import sys
from collections.abc import Iterable, Sequence
from typing import Final

QUIET: Final = 0.25
"""Load average per core, above which somebody else is at work and no figure means much."""

Spread = dict[str, float]


def spread(values: Iterable[float]) -> Spread:
    """Return minimum, median and maximum."""
    found = sorted(values)
    parts = {"min": found[0], "median": statistics.median(found), "max": found[-1]}
    return {name: round(value, 3) for name, value in parts.items()}


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Compare round with round: what disturbed the machine in one disturbed both."""
    return spread(one / other for one, other in zip(ours, theirs, strict=True))


def text(value: Spread, digits: int = 2) -> str:
    """Write a spread for people: the median, and in brackets how far the rounds lie apart."""
    return f"{value['median']:.{digits}f} ({value['min']:.{digits}f} to {value['max']:.{digits}f})"


def busy() -> float:
    """Return the load average of the last minute per core; stop above QUIET, unless BUSY=1."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    if load > QUIET:
        said = f"bench: somebody else is at work here (load {load:.2f} per core; quiet is below {QUIET})"
        if not os.environ.get("BUSY"):
            raise SystemExit(f"{said}: figures would mean nothing. Wait a minute, or BUSY=1 for provisional ones.")
        sys.stderr.write(f"{said}: the figures are provisional, and say so.\n")
    return round(load, 2)
