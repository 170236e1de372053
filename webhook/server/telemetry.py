"""What an administrator sees of the webhook: metrics, and one JSON log line per review. The door of prometheus_client.

Nothing here ever holds a value of an object: kinds, names, rule IDs and times only.
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
from webhook.objects.model import Outcome, Request, lookup
from webhook.workloads.kinds import KINDS

FOLDER: Final = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
"""Where several processes keep their metrics together, each in files that it maps into its memory."""

FILES: Final = ("counter", "histogram", "gauge_livemostrecent", "gauge_max")
FILE_SIZE: Final = 2**18  # bytes; every series that there can be takes half of it

_owner = "parent"
"""Whose files are written: the parent's, or a worker slot's. A new worker counts on in the files of a dead one."""


def reserve(slots: int) -> None:
    """Take now the room that the metrics of so many workers, and the parent, need. Raises OSError.

    They are written through mapped memory, where a disk that is full later would kill the process (SIGBUS).
    """
    for owner in ("parent", *range(slots)):
        for kind in FILES if FOLDER else ():
            with Path(str(FOLDER), f"{kind}_{owner}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, FILE_SIZE)


if FOLDER:
    reserve(0)  # the parent's are written below
    values.ValueClass = values.MultiProcessValue(lambda: _owner)  # type: ignore[no-untyped-call] # the library's own gap

REVIEWS: Final = Counter("kubeflow_openshift_reviews_total", "Reviews answered.", ["kind", "operation", "outcome"])
CHANGES: Final = Counter("kubeflow_openshift_changes_total", "Changes made to objects.", ["rule"])
DURATION: Final = Histogram(
    "kubeflow_openshift_review_duration_seconds",
    "From the bytes of a review to the bytes of its answer.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
RELOADS: Final = Counter("kubeflow_openshift_config_reloads_total", "Readings of the configuration file.", ["result"])
SHED: Final = Counter(
    "kubeflow_openshift_shed_total",
    "Sent away: too many large reviews (busy), answer overdue (late), client slow (slow), no room for more (full); or "
    "allowed unread: too many values (complex).",
    ["reason"],
)
DROPPED: Final = Counter("kubeflow_openshift_log_lines_dropped", "Log lines that their reader had no room for.")
CERTIFICATES: Final = Counter(
    "kubeflow_openshift_certificate_reloads_total", "Readings of a changed certificate.", ["result"]
)
EXPIRY: Final = Gauge(
    "kubeflow_openshift_certificate_expiry_timestamp_seconds",
    "When the certificate expires that is served now.",
    multiprocess_mode="livemostrecent",
)
BUILD: Final = Gauge("kubeflow_openshift_build_info", "Always 1.", ["version"], multiprocess_mode="max")

_of_reviews = cache(REVIEWS.labels)  # whose values are few
_of_changes = cache(CHANGES.labels)
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode

LONGEST_NAME: Final = 253  # of a Kubernetes object; what is longer is no name


def belong(slot: int) -> None:
    """Count in a worker slot's files from now on."""
    global _owner  # noqa: PLW0603 - a process is in one slot, and its metrics are global too
    _owner = str(slot)


def started() -> None:
    """Say in the metrics which version runs."""
    BUILD.labels(VERSION).set(1)


def shed(reason: str) -> None:
    """Count a request or a connection that was sent away."""
    SHED.labels(reason).inc()


def reviewed(request: Request, outcome: Outcome, seconds: float) -> None:
    """Count one review and write its log line."""
    result = "error" if outcome.failures else "patched" if outcome.operations else "unchanged"
    kind = request.kind if request.kind in KINDS else "other"  # a caller must not be able to make new series
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
    """Say which certificate is served from now on."""
    EXPIRY.set(expiry)
    log({"event": "certificate read"})


def certificate_changed(expiry: float, problem: str = "") -> None:
    """Count one reading of a changed certificate; a problem is logged and the one from before stays."""
    CERTIFICATES.labels("error" if problem else "success").inc()
    if problem:
        log({"event": "certificate", "problem": problem})
    else:
        certificate(expiry)


def reloaded(problem: str = "") -> None:
    """Count one reading of the configuration file; a problem is logged and the last good one stays."""
    RELOADS.labels("error" if problem else "success").inc()
    log({"event": "configuration", "problem": problem} if problem else {"event": "configuration read"})


def log(line: dict[str, Any]) -> None:
    """Write one JSON line, in one write, so that lines of threads never mix. Where there is no room, it is dropped."""
    written = _json(line, LONGEST_NAME)
    if len(written) > select.PIPE_BUF:  # names full of control characters
        written = _json(line, LONGEST_NAME // 8)
    try:
        os.write(sys.stdout.fileno(), written)
    except (OSError, ValueError):  # the ValueError is standard output's, closed
        DROPPED.inc()


def _json(line: dict[str, Any], longest: int) -> bytes:
    short = {key: value[:longest] if isinstance(value, str) else value for key, value in line.items()}
    return (_encode(short) + "\n").encode()


def never_wait_for_a_reader() -> None:
    """Make standard output and standard error drop what their reader has no room for.

    A pipe that nobody reads would stop the process at its next line. Others may write to the same pipe or terminal, so
    each gets an open file description of the process's own where the system gives one.
    """
    for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
        try:
            own = os.open(f"/dev/fd/{descriptor}", os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
        except OSError:  # a socket, or somebody else's
            os.set_blocking(descriptor, False)
        else:
            os.dup2(own, descriptor)
            os.close(own)


def metrics() -> bytes:
    """Return the metrics of all worker processes, in Prometheus' text format."""
    if not FOLDER:
        return generate_latest(OWN_PROCESS)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library's own gap
    return generate_latest(registry)


def forget(slot: int) -> None:
    """Take the gauges of a dead worker process out of the metrics."""
    if FOLDER:
        multiprocess.mark_process_dead(slot)  # type: ignore[no-untyped-call] # the library's own gap
