"""What an administrator sees of the webhook: metrics, and one JSON log line per review. The door of prometheus_client.

Nothing here ever holds a value of an object: kinds, names, rule IDs and times only.
"""

import json
import os
import sys
from typing import Any, Final

from prometheus_client import REGISTRY as OWN_PROCESS
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from webhook import VERSION
from webhook.model import Outcome, Request, lookup
from webhook.workload import KINDS

REVIEWS: Final = Counter("kubeflow_openshift_reviews_total", "Reviews answered.", ["kind", "operation", "outcome"])
CHANGES: Final = Counter("kubeflow_openshift_changes_total", "Changes made to objects.", ["rule"])
DURATION: Final = Histogram(
    "kubeflow_openshift_review_duration_seconds",
    "From the bytes of a review to the bytes of its answer.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
RELOADS: Final = Counter("kubeflow_openshift_config_reloads_total", "Readings of the configuration file.", ["result"])
EXPIRY: Final = Gauge(
    "kubeflow_openshift_certificate_expiry_timestamp_seconds",
    "When the certificate expires that is served now.",
    multiprocess_mode="livemostrecent",
)
BUILD: Final = Gauge("kubeflow_openshift_build_info", "Always 1.", ["version"], multiprocess_mode="max")

LONGEST_NAME: Final = 253  # of a Kubernetes object; what is longer is no name


def started() -> None:
    """Say in the metrics which version runs."""
    BUILD.labels(VERSION).set(1)


def reviewed(request: Request, outcome: Outcome, seconds: float) -> None:
    """Count one review and write its log line."""
    result = "error" if outcome.failures else "patched" if outcome.operations else "unchanged"
    kind = request.kind if request.kind in KINDS else "other"  # a caller must not be able to make new series
    REVIEWS.labels(kind, request.operation, result).inc()
    DURATION.observe(seconds)
    for finding in outcome.findings:
        CHANGES.labels(finding.rule).inc()
    line: dict[str, Any] = {
        "uid": request.uid,
        "kind": request.kind,
        "namespace": request.namespace,
        "name": request.name or _generate_name(request),
        "operation": request.operation,
        "rules": outcome.rules(),
        "milliseconds": round(seconds * 1000, 3),
    }
    if outcome.failures:
        line["failures"] = dict(outcome.failures)
    log(line)


def _generate_name(request: Request) -> str:
    name = lookup(request.object, ("metadata", "generateName"))
    return name if isinstance(name, str) else ""


def certificate(expiry: float, problem: str = "") -> None:
    """Say which certificate is served from now on; after a problem it is the one from before."""
    EXPIRY.set(expiry)
    log({"event": "certificate", "problem": problem} if problem else {"event": "certificate read"})


def reloaded(problem: str = "") -> None:
    """Count one reading of the configuration file; a problem is logged and the last good one stays."""
    RELOADS.labels("error" if problem else "success").inc()
    log({"event": "configuration", "problem": problem} if problem else {"event": "configuration read"})


def log(line: dict[str, Any]) -> None:
    """Write one JSON line, in one write, so that lines of several threads never mix."""
    short = {key: value[:LONGEST_NAME] if isinstance(value, str) else value for key, value in line.items()}
    sys.stdout.write(json.dumps(short, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def metrics() -> bytes:
    """Return the metrics of all worker processes, in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(OWN_PROCESS)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library's own gap
    return generate_latest(registry)


def forget(pid: int) -> None:
    """Take the gauges of a dead worker process out of the metrics."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call] # the library's own gap
