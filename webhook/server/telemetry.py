"""Metrics, and one JSON log line per review. Only this module imports prometheus_client.

Metrics and logs contain kinds, names, rule IDs and times, but never a value from an object.
"""

import json
import os
import select
import sys
from collections import Counter as Tally
from functools import cache
from pathlib import Path
from typing import Any, Final

from prometheus_client import REGISTRY as OWN_PROCESS
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess, values

from webhook import VERSION
from webhook.objects.model import Request, Result, lookup
from webhook.workloads.kinds import KINDS

FOLDER: Final = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
"""The folder in which each process keeps its metrics, in memory-mapped files."""

FILES: Final = ("counter", "histogram", "gauge_livemostrecent", "gauge_max")
FILE_SIZE: Final = 2**18  # bytes; all possible series take half of it

_metrics_slot = "parent"
"""Whose metric files this process writes. A replacement worker reuses its predecessor's, so counters continue."""


def preallocate_metric_files(slots: int) -> None:
    """Allocate the metric files of the parent and its workers. Raises OSError.

    If the disk were full at a later write to mapped memory, SIGBUS would kill the process.
    """
    for owner in ("parent", *range(slots)):
        for kind in FILES if FOLDER else ():
            with Path(str(FOLDER), f"{kind}_{owner}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, FILE_SIZE)


if FOLDER:
    preallocate_metric_files(0)  # the parent's are written below
    values.ValueClass = values.MultiProcessValue(lambda: _metrics_slot)  # type: ignore[no-untyped-call] # the library's own gap

REVIEWS: Final = Counter("kubeflow_openshift_reviews_total", "Reviews answered.", ["kind", "operation", "outcome"])
CHANGES: Final = Counter("kubeflow_openshift_changes_total", "Changes made to objects.", ["rule"])
DURATION: Final = Histogram(
    "kubeflow_openshift_review_duration_seconds",
    "Time from a review's bytes to its response's bytes.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
RELOADS: Final = Counter("kubeflow_openshift_config_reloads_total", "Reloads of the configuration file.", ["result"])
SHED: Final = Counter(
    "kubeflow_openshift_shed_total",
    "Shed: too many large reviews (busy), past the deadline (late), slow client (slow), buffers full (full); or "
    "allowed without being read: too many values (complex).",
    ["reason"],
)
DROPPED: Final = Counter("kubeflow_openshift_log_lines_dropped", "Log lines dropped because the reader was too slow.")
CERTIFICATES: Final = Counter(
    "kubeflow_openshift_certificate_reloads_total", "Reloads of a changed certificate.", ["result"]
)
EXPIRY: Final = Gauge(
    "kubeflow_openshift_certificate_expiry_timestamp_seconds",
    "When the serving certificate expires.",
    multiprocess_mode="livemostrecent",
)
BUILD: Final = Gauge("kubeflow_openshift_build_info", "Always 1.", ["version"], multiprocess_mode="max")

_of_reviews = cache(REVIEWS.labels)  # whose values are few
_of_changes = cache(CHANGES.labels)
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode

LONGEST_NAME: Final = 253  # characters; the limit of names in Kubernetes


def use_metrics_slot(slot: int) -> None:
    """Write metrics to a worker slot's files from now on."""
    global _metrics_slot  # noqa: PLW0603 - a process is in one slot, and its metrics are global too
    _metrics_slot = str(slot)


def started() -> None:
    """Set the version in the metrics."""
    BUILD.labels(VERSION).set(1)


def shed(reason: str) -> None:
    """Count a request that was shed or a connection that was evicted."""
    SHED.labels(reason).inc()


def reviewed(request: Request, outcome: Result, seconds: float) -> None:
    """Count one review and write its log line."""
    result = "error" if outcome.failures else "patched" if outcome.operations else "unchanged"
    kind = request.kind if request.kind in KINDS else "other"  # callers must not be able to create new series
    _of_reviews(kind, request.operation, result).inc()
    DURATION.observe(seconds)
    for rule, changes in Tally(finding.rule for finding in outcome.findings).items():
        _of_changes(rule).inc(changes)
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


def certificate(expiry: float) -> None:
    """Set the expiry of the serving certificate, and log that it was read."""
    EXPIRY.set(expiry)
    log({"event": "certificate read"})


def certificate_changed(expiry: float, problem: str = "") -> None:
    """Count a reload of the certificate, and log a problem."""
    CERTIFICATES.labels("error" if problem else "success").inc()
    if problem:
        log({"event": "certificate", "problem": problem})
    else:
        certificate(expiry)


def reloaded(problem: str = "") -> None:
    """Count a reload of the configuration file, and log a problem."""
    RELOADS.labels("error" if problem else "success").inc()
    log({"event": "configuration", "problem": problem} if problem else {"event": "configuration read"})


def log(line: dict[str, Any]) -> None:
    """Write one JSON line in one system call, so that threads do not mix lines. Drop it if the pipe is full."""
    written = _json(line, LONGEST_NAME)
    if len(written) > select.PIPE_BUF:  # names of control characters, which JSON escapes
        written = _json(line, LONGEST_NAME // 8)
    try:
        os.write(sys.stdout.fileno(), written)
    except (OSError, ValueError):  # ValueError: standard output is closed
        DROPPED.inc()


def _json(line: dict[str, Any], longest: int) -> bytes:
    short = {key: value[:longest] if isinstance(value, str) else value for key, value in line.items()}
    return (_encode(short) + "\n").encode()


def never_wait_for_a_reader() -> None:
    """Make standard output and standard error non-blocking: a full pipe must not stop the process.

    Reopen each where possible, because other processes may share its open file description.
    """
    for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
        try:
            own = os.open(f"/dev/fd/{descriptor}", os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
        except OSError:  # a socket, or not permitted
            os.set_blocking(descriptor, False)
        else:
            os.dup2(own, descriptor)
            os.close(own)


def metrics() -> bytes:
    """Return the metrics of all worker processes in Prometheus' text format."""
    if not FOLDER:
        return generate_latest(OWN_PROCESS)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library's own gap
    return generate_latest(registry)


def drop_gauges_of(slot: int) -> None:
    """Remove the gauges of a dead worker process."""
    if FOLDER:
        multiprocess.mark_process_dead(slot)  # type: ignore[no-untyped-call] # the library's own gap
