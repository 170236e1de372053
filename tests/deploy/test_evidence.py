"""docs/reliability.md quotes what was measured, and nothing else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs/reliability.md").read_text()
ROWS = re.findall(r"^\| .+ \| (.+) \| \[(.+)\]\(evidence/\2\) \| `(.+)` \|$", PAGE, re.MULTILINE)


def numbers(value: Any) -> Iterator[float]:
    """Yield every number in some figures."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from numbers(inner)


def test_there_are_rows() -> None:
    assert len(ROWS) == PAGE.count("](evidence/") == 16


@pytest.mark.parametrize(("result", "file", "command"), ROWS)
def test_a_row_has_the_numbers_and_the_command_of_its_evidence(result: str, file: str, command: str) -> None:
    evidence = json.loads((ROOT / "docs/evidence" / file).read_text())
    assert command == evidence["command"]
    quoted = {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\d)", result)}
    assert quoted
    assert quoted <= set(numbers(evidence["figures"]))


def test_the_page_of_user_namespaces_quotes_its_evidence() -> None:
    figures = json.loads((ROOT / "docs/evidence/user-namespaces.json").read_text())["figures"]
    page = (ROOT / "docs/user-namespaces.md").read_text()
    kinds = {"installed": "workloads", "templates": "templates"}
    rows = [
        (name, kinds[what], str(seen[kinds[what]]), str(seen.get("restricted-v3", 0)), str(seen.get("none", 0)))
        for what in kinds
        for name, seen in figures[what].items()
    ]
    assert re.findall(r"^\| `(\S+)` \| (\w+) \| (\d+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE) == rows


def test_the_page_on_operations_quotes_its_evidence() -> None:
    figures = json.loads((ROOT / "docs/evidence/killed_servers.json").read_text())["figures"]
    page = (ROOT / "docs/operations.md").read_text()
    columns = ("kills", "refused", "creations during these", "most refused at once")
    kinds = ("SIGKILL of the server", "OOM kill of the server", "SIGKILL of a worker")
    rows = [tuple(str(figures[kind][column]) for column in columns) for kind in kinds]
    assert re.findall(r"^\| [^|]+ \| (\d+) \| (\d+) of (\d+) \| (\d+) \| [\d.]+ s \|$", page, re.MULTILINE) == rows
    assert figures["missed"] == 0


def test_the_page_on_gitops_quotes_its_evidence() -> None:
    figures = json.loads((ROOT / "docs/evidence/gitops.json").read_text())["figures"]
    page = " ".join((ROOT / "docs/gitops.md").read_text().split())
    assert f"all {figures['objects']} objects of Kubeflow 26.03" in page
    kinds = figures["OutOfSync by default, by kind"]
    roles, runtimes = (
        kinds["ClusterRole"] + kinds["Role"],
        kinds["ClusterServingRuntime"] + kinds["ClusterTrainingRuntime"],
    )
    said = (
        f"**{figures['OutOfSync by default']}**, at every comparison: {kinds['Deployment']} Deployments, {roles} roles"
    )
    assert f"{said}, {runtimes} runtimes, {kinds['StatefulSet']} StatefulSet, {kinds['ConfigMap']} ConfigMap |" in page
    assert (
        f"with `ServerSideDiff=true` and `ServerSideApply=true` | {figures['OutOfSync with ServerSideDiff']} |" in page
    )
    assert f"a chart of 26.03's {figures['helm3: workloads']} Deployments and StatefulSets" in page
    assert not any(figures[what] for what in figures if what.startswith("Flux") or what.endswith("restarted"))
