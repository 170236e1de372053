"""Configure and start gunicorn. Only this module and the worker import it."""

import os
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, cast
from wsgiref.types import WSGIApplication

from gunicorn.app.base import BaseApplication

from webhook.server import probes, telemetry
from webhook.server.app import Aside
from webhook.server.certificate import Certificate
from webhook.server.worker import SPARE, Worker, threads

KEEP_ALIVE: Final = 120
"""Seconds. The API server keeps idle connections for 90 s and does not retry a POST on one that is closing."""

MOST_CONNECTIONS: Final = 500
"""Per process. An API server keeps a handful open; each costs a file descriptor and about 40 KiB."""

KERNEL_BUFFER: Final = 2**17
"""Bytes per connection and direction, doubled by Linux. Unset, buffers can grow to 6 MiB of the pod's memory."""

HEADER_FIELDS: Final = 32
HEADER_FIELD: Final = 2**12

OWN_FILES: Final = 50 + probes.MOST_CONNECTIONS
"""File descriptors per process for other uses than the API server's connections."""

ENDINGS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

HEARTBEATS: Final = "/dev/shm"  # noqa: S108 - in memory: on a slow disk a healthy worker looks stuck


@dataclass(frozen=True, slots=True)
class Listen:
    """The address, certificate and size of the server. `certificate` may contain the key."""

    host: str
    port: int
    certificate: Path
    key: Path | None
    workers: int
    observe_port: int


def serve(listen: Listen, load: Callable[[Aside], WSGIApplication]) -> None:
    """Serve until a signal arrives. `load` creates the application in each worker. Raises BadCertificate."""
    telemetry.never_wait_for_a_reader()
    telemetry.preallocate_metric_files(listen.workers)
    hold, let_go = (partial(signal.pthread_sigmask, how, ENDINGS) for how in (signal.SIG_BLOCK, signal.SIG_UNBLOCK))
    os.register_at_fork(before=hold, after_in_parent=let_go)  # a worker does so once it has its own handlers
    _Server(listen, Certificate(listen.certificate, listen.key), load).run()


class _Server(BaseApplication):
    """A gunicorn application that is configured by code instead of its command line."""

    def __init__(self, listen: Listen, certificate: Certificate, load: Callable[[Aside], WSGIApplication]) -> None:
        self.listen = listen
        self.certificate = certificate
        self.make = load
        super().__init__()

    def load(self) -> Any:
        return self.make(threads())

    def load_config(self) -> None:
        listen, certificate = self.listen, self.certificate
        settings = {
            "bind": f"{listen.host}:{listen.port}",
            "worker_class": Worker,
            "workers": listen.workers,
            "worker_connections": _most_connections() + SPARE,
            "keepalive": KEEP_ALIVE,
            "limit_request_fields": HEADER_FIELDS,
            "limit_request_field_size": HEADER_FIELD,
            "worker_tmp_dir": HEARTBEATS if os.access(HEARTBEATS, os.W_OK) else None,
            "control_socket_disable": True,
            "loglevel": "warning",
            "when_ready": lambda server: _listening(server, listen.port),
            "pre_fork": _take_slot,
            "post_fork": lambda _server, worker: telemetry.use_metrics_slot(worker.slot),
            "post_worker_init": lambda worker: _start(listen, certificate, worker),
            "child_exit": lambda _server, worker: telemetry.drop_gauges_of(worker.slot),
        }
        for name, value in settings.items():
            self.cfg.set(name, value)


def _most_connections() -> int:
    """Return how many connections fit the limit of file descriptors, with some left for probes."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else max(1, min(MOST_CONNECTIONS, files - OWN_FILES))


def _listening(server: Any, port: int) -> None:
    for listener in server.LISTENERS:  # inherited by connections
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            listener.setsockopt(socket.SOL_SOCKET, buffer, KERNEL_BUFFER)
    telemetry.log({"event": "listening", "port": port})


def _take_slot(server: Any, worker: Worker) -> None:
    taken = {cast("Worker", other).slot for other in server.WORKERS.values()}
    worker.slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)


def _start(listen: Listen, certificate: Certificate, worker: Worker) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
    telemetry.started()
    telemetry.certificate(certificate.expiry)
    worker.certificate = certificate
    probes.start(listen.host, listen.observe_port, worker)
