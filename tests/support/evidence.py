"""Keep what a command measured in docs/evidence/NAME.json, with what is needed to repeat it."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from tests.support.paths import ROOT

FOLDER: Final = ROOT / "docs/evidence"
PACKAGES: Final = ("gunicorn", "flask", "cryptography", "jsonpatch")
Measured = tuple[dict[str, Any], list[str]]
"""Figures, and the problems that were found."""
SHOWN: Final = 20
"""Problems that are printed; the count says how many there were."""


def write(name: str, command: str, started: float, figures: dict[str, Any]) -> Path:
    """Write the figures of one command; `started` is time.time() at its begin. Return the file."""
    path = FOLDER / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    evidence = {
        "command": command,
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
        "versions": {package: version(package) for package in PACKAGES},
        "figures": figures,
    }
    path.write_text(json.dumps(evidence, indent=2) + "\n")
    return path


def _commit() -> str:
    """Return the commit that was measured; a `+` says that files differed from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--exclude=*", "--dirty=+"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def keep(name: str, command: str, measure: Callable[[], Measured]) -> int:
    """Measure, write the evidence, print it; return 1 where something is wrong."""
    started = time.time()
    figures, wrong = measure()
    path = write(name, command, started, figures)
    print(json.dumps(figures, indent=2), *wrong[:SHOWN], f"{len(wrong)} problems; written to {path}", sep="\n")
    return int(bool(wrong))
