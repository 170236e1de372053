"""Change the configuration under load. Each answer is wholly of the one or of the other."""

import base64
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.progress import track

from tests.support.load import Sample, failed, loaded
from tests.support.metrics import reloads
from tests.support.mounted import Mounted
from tests.support.server import review, serving
from webhook.objects.model import Request

POD = {"securityContext": {"fsGroup": 100, "runAsUser": 8888}, "containers": [{"name": "main"}]}
STATEFUL_SET = {"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"template": {"spec": POD}}}
REVIEW = review(Request("StatefulSet.apps", "CREATE", STATEFUL_SET, namespace="team", name="web", uid="reload"))
A = "rules: {fs-group: true, run-as-user: false}\n"
B = "rules: {fs-group: false, run-as-user: true}\n"


def rules(sample: Sample) -> str:
    """Return which rules changed the object, and check that the patch says the same."""
    response = json.loads(sample.answer)["response"]
    named = str(response["auditAnnotations"]["rules"])
    paths = {operation["path"].rpartition("/")[2] for operation in json.loads(base64.b64decode(response["patch"]))}
    return named if paths == ({"fsGroup"} if named == "fs-group" else {"runAsUser", "runAsNonRoot"}) else "mixed"


def measure(changes: int) -> dict[str, Any]:
    """Swap two configurations so many times, as the kubelet does, while ten clients send reviews."""
    with tempfile.TemporaryDirectory() as folder:
        config = Mounted(Path(folder), "config.yaml")
        config.put(A)
        with serving("--config", str(config.path)) as server:
            with loaded(server, [REVIEW], pause=0.02) as samples:
                for number in track(range(changes), "changing the configuration"):
                    time.sleep(0.06)
                    config.put(A if number % 2 else B)
            read, broken = reloads(server, "success"), reloads(server, "error")
    lost = failed(samples)
    seen = [rules(sample) for sample in samples if sample.status == 200]
    return {
        "changes": changes,
        "readings, of both workers": int(read),
        "readings that failed": int(broken),
        "requests": len(samples),
        "failed": len(lost),
        "answered by the first": seen.count("fs-group"),
        "answered by the second": seen.count("run-as-user"),
        "answered by neither or a mixture": len(seen) - seen.count("fs-group") - seen.count("run-as-user"),
    }
