"""Alerts and dashboard query only metrics that exist: names and labels are compared with the server's."""

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest

from tests.support.overlays import DEPLOY
from webhook.manifests import reader
from webhook.objects.model import Request, Result
from webhook.server import telemetry

FOLDER = DEPLOY / "components/observability"
RULES: list[dict[str, Any]] = reader.one_document(FOLDER / "alerts.yaml").value["spec"]["groups"][0]["rules"]
PANELS: list[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
QUERIES = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]
OF_PROMETHEUS = {"up": {"job"}}  # what it says itself of what it scrapes; the job is the Service's name


@pytest.fixture(scope="module")
def measured() -> dict[str, set[str]]:
    """Have everything happen once; return the labels of each metric that is then shown."""
    request = Request(kind="Pod", operation="CREATE", object={})
    telemetry.started()
    telemetry.certificate(0)
    telemetry.reloaded()
    telemetry.reviewed(request, Result({}), 0.001)
    telemetry.CHANGES.labels("fs-group")
    telemetry.SHED.labels("busy")
    telemetry.CERTIFICATES.labels("error")
    found: dict[str, set[str]] = {}
    for line in telemetry.metrics().decode().splitlines():
        if shown := re.match(r"(kubeflow_openshift_\w+)(?:{(.*)})? ", line):
            found[shown[1]] = set(re.findall(r"(\w+)=", shown[2] or ""))
    return found | OF_PROMETHEUS


def names_and_labels(query: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric of a query with the labels that the query reads of it, where it chooses or groups by them."""

    def visit(part: Any, grouped: set[str]) -> Iterator[tuple[str, set[str]]]:
        modifier = getattr(part, "modifier", None)
        by = set(getattr(modifier, "labels", ()) or ()) if isinstance(part, promql_parser.AggregateExpr) else set()
        if isinstance(part, promql_parser.MatrixSelector):
            part = part.vector_selector
        if isinstance(part, promql_parser.VectorSelector):
            yield str(part.name), grouped | {matcher.name for matcher in part.matchers.matchers}
        inner = [getattr(part, name, None) for name in ("expr", "lhs", "rhs")]
        for each in (*inner, *getattr(part, "args", ())):
            if isinstance(each, promql_parser.Expr):
                yield from visit(each, grouped | by)

    yield from visit(promql_parser.parse(query), set())


@pytest.mark.parametrize("query", QUERIES)
def test_every_metric_and_label_that_is_asked_for_is_there(measured: dict[str, set[str]], query: str) -> None:
    asked = list(names_and_labels(query))
    assert asked
    for name, labels in asked:
        assert name in measured
        assert labels <= measured[name]


def test_what_is_read_of_a_query() -> None:
    query = 'sum by (kind) (rate(a_total{outcome="error"}[5m] offset 5m)) > (up == 1 or vector(0))'
    assert list(names_and_labels(query)) == [("a_total", {"kind", "outcome"}), ("up", set())]


def test_every_metric_of_ours_is_shown_somewhere(measured: dict[str, set[str]]) -> None:
    asked = {name for query in QUERIES for name, _ in names_and_labels(query)}
    beside = re.compile(r"_(created|sum|count)$")  # of a histogram, or what the client library adds
    assert {name for name in measured if not beside.search(name)} == asked


def test_legends_name_labels_that_the_query_keeps() -> None:
    for target in (target for panel in PANELS for target in panel["targets"]):
        kept = {label for _, labels in names_and_labels(target["expr"]) for label in labels}
        assert set(re.findall(r"{{(\w+)}}", target.get("legendFormat", ""))) <= kept


def test_the_monitor_scrapes_the_port_that_the_service_leads_to() -> None:
    monitor = reader.one_document(FOLDER / "service-monitor.yaml").value["spec"]
    [patch] = reader.one_document(FOLDER / "kustomization.yaml").value["patches"]
    [pod] = reader.one_document(DEPLOY / "base/deployment.yaml").value["spec"]["template"]["spec"]["containers"]
    [endpoint] = monitor["endpoints"]
    assert f"name: {endpoint['port']}, port: 8080, targetPort: observe" in patch["patch"]
    assert {"name": "observe", "containerPort": 8080} in pod["ports"]


def test_alerts_say_what_to_do() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"].keys() == {"summary", "description"}
