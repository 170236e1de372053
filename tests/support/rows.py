"""The rows of docs/rows.md: what tests on the rig showed before and after the webhook, in their own words."""

import json
from dataclasses import dataclass
from typing import Any

from tests.rig.cluster import Cluster, wait
from tests.support.installed import deployment
from webhook.offline.errors import NOT_USABLE
from webhook.offline.explain import refusals

ORDER = ("S", "N")


@dataclass(frozen=True, slots=True)
class Row:
    """One change of the article (S) or of today (N), shown on one object."""

    row: str
    object: str
    command: str
    before: str
    after: str
    test: str


SHOWN: dict[tuple[str, str], Row] = {}
EXPECTED = {*(f"S{number}" for number in range(1, 14)), *(f"N{number}" for number in range(1, 6))}


def table() -> str:
    """Return docs/rows.md."""
    rows = sorted(SHOWN.values(), key=lambda row: (ORDER.index(row.row[0]), int(row.row[1:]), row.object))
    lines = [
        f"| {row.row} | {row.object} | `{row.command}` | {row.before} | {row.after} | `{row.test}` |" for row in rows
    ]
    return (
        "# The rows: each change, shown\n\n"
        "<!-- written by `make rows` from what the tests see on the rig; CI fails where it sees something else -->\n\n"
        "S: changes that people made by hand to install Kubeflow 0.7 on OpenShift 4.2. N: changes that 1.8 to 26.03\n"
        "need beyond these. All were seen on OpenShift's real admission (`tests/rig`), without nodes: no image ran.\n\n"
        "| row | object | command | before | after | test |\n|---|---|---|---|---|---|\n" + "\n".join(lines) + "\n"
    )


def reason(message: str) -> str:
    """Shorten SCC's refusal to the first thing that an SCC which may be used holds against a pod."""
    held = [reason for message in refusals(message) for reason, _ in message if NOT_USABLE not in reason]
    return f"refused: {held[0]}" if held else "refused: no SCC that it may use admits it unchanged"


def verdict(cluster: Cluster, where: str, obj: dict[str, Any]) -> str:
    """Apply a workload and say what became of its first pod: the SCC that admitted it, or why it was refused."""
    name = obj["metadata"]["name"]
    cluster.kubectl("apply", "-n", where, "-f", "-", send=json.dumps(obj))

    def seen() -> str:
        for pod in cluster.request("GET", f"/api/v1/namespaces/{where}/pods").body["items"]:
            if pod["metadata"]["name"].startswith(f"{name}-"):
                return f"admitted by {pod['metadata']['annotations']['openshift.io/scc']}"
        for event in cluster.request("GET", f"/api/v1/namespaces/{where}/events").body["items"]:
            if event["reason"] == "FailedCreate" and event["involvedObject"]["name"].startswith(name):
                return reason(event["message"])
        return ""

    return wait(seen, f"pod or refusal of {name}")


def workload(name: str, container: dict[str, Any], **pod_spec: Any) -> dict[str, Any]:
    obj = deployment(name, **pod_spec)
    obj["spec"]["template"]["spec"]["containers"] = [{"name": name, "image": "example", **container}]
    return obj
