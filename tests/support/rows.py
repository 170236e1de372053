"""The rows of docs/rows.md: what tests on the rig showed before and after the webhook, in their own words."""

import json
from dataclasses import dataclass
from typing import Any, Final

from tests.rig.cluster import Cluster, wait
from tests.support.installed import deployment
from tests.support.paths import ROOT
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
RAN: Final = ROOT / "docs/evidence/ran.json"
"""What was seen of a row on a node, by row and object; written by the tests that see it."""
EXPECTED = {*(f"S{number}" for number in range(1, 14)), *(f"N{number}" for number in range(1, 6))}


def ran() -> dict[str, dict[str, str]]:
    """Return what is kept in RAN."""
    kept: dict[str, dict[str, str]] = json.loads(RAN.read_text())
    return kept


def keep(row: str, obj: str, seen: str) -> None:
    """Keep in RAN what was seen."""
    kept = ran()
    kept.setdefault(row, {})[obj] = seen
    RAN.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def line(row: Row, seen: str | None) -> str:
    """Return a line of the table; what a node has started is no longer said to be not started."""
    after = row.after.removesuffix("; not started") if seen else row.after
    return f"| {row.row} | {row.object} | `{row.command}` | {row.before} | {after} | {seen or '-'} | `{row.test}` |"


def table() -> str:
    """Return docs/rows.md."""
    kept = ran()
    rows = sorted(SHOWN.values(), key=lambda row: (ORDER.index(row.row[0]), int(row.row[1:]), row.object))
    lines = [line(row, kept.get(row.row, {}).get(row.object)) for row in rows]
    return (
        "# The rows: each change, shown\n\n"
        "<!-- written by `make rows` from what the tests see on the rig; CI fails where it sees something else -->\n\n"
        "S: changes that people made by hand to install Kubeflow 0.7 on OpenShift 4.2. N: changes that 1.8 to 26.03\n"
        "need beyond these. All were seen on OpenShift's real admission (`tests/rig`). The column `ran` says what was\n"
        "then seen on the rig's node, in images with upstream's user, owner and directories; `-`: it did not run.\n"
        "What ran under upstream's own controllers is in the [support matrix](support.md#what-ran).\n\n"
        "| row | object | command | before | after | ran | test |\n|---|---|---|---|---|---|---|\n"
        + "\n".join(lines)
        + "\n"
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
