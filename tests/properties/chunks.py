"""Spread many seeded cases over processes, with progress."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from typing import TypeVar

from rich.progress import track

CHUNK = 500
T = TypeVar("T")


def spread(
    check: Callable[[int, range], T], seed: int, cases: int, processes: int, *, quiet: bool = False
) -> Iterator[T]:
    """Run a check on the cases of a seed, a chunk at a time; yield what it returned of each chunk."""
    chunks = [range(start, min(start + CHUNK, cases)) for start in range(0, cases, CHUNK)]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        done = pool.map(check, repeat(seed), chunks)
        yield from track(done, f"{cases} cases of seed {seed}", total=len(chunks), disable=quiet)
