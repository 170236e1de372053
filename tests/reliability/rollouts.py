"""Replace replicas under 100 requests a second. Twenty take about four minutes."""

import tempfile
from pathlib import Path
from typing import Any

from certs import authority
from tests.support.mounted import NAMES
from tests.support.replicas import DAYS, rolled


def measure(restarts: int) -> dict[str, Any]:
    """Replace so many replicas, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        asked = rolled(authority.authority("rollouts", NAMES, DAYS), Path(folder), restarts)
    return {
        "restarts": restarts,
        "requests": asked.count,
        "failed": len(asked.failures),
        "connections": asked.connections,
        "closed_politely": asked.closed_politely,
    }
