"""Ask OpenShift's own code, without a cluster, which SCC admits a pod, as what, and what the others hold against it."""

import json
import subprocess
from collections.abc import Iterable
from typing import Any

from tests.rig.build import build

Object = dict[str, Any]


def ask(questions: Iterable[Object]) -> list[Object]:
    """Return one answer for each pod of the questions, in their order.

    A question has `namespace` (name and annotations), `sccs` (whole objects) and `pods`. An answer has `admittedBy` (a
    name, or None), `verdicts` (for each SCC its objections, none if it admits), and `pod` (as it was admitted).
    """
    asked = "\n".join(map(json.dumps, questions))
    done = subprocess.run([build() / "scc-oracle"], input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return [json.loads(line) for line in done.stdout.splitlines()]
