"""Sockets, TLS and processes: the door of gunicorn."""

import os
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import Any, Final, cast
from wsgiref.types import WSGIApplication

from gunicorn.app.base import BaseApplication

from certs import authority
from webhook.objects.model import BadInput
from webhook.server import probes, telemetry
from webhook.server.app import Aside
from webhook.server.clients import tls
from webhook.server.worker import SPARE, Worker, threads

KEEP_ALIVE: Final = 120
"""Seconds. The API server keeps idle connections 90 s and does not repeat a POST that meets a closing one."""

MOST_CONNECTIONS: Final = 500
"""Of one process. An API server keeps a handful open; each costs a file descriptor and some 40 KiB."""

KERNEL_BUFFER: Final = 2**17
"""Bytes, which Linux doubles, of each connection and direction; left alone they grow to 6 MiB of the pod's memory."""

HEADER_FIELDS: Final = 32
HEADER_FIELD: Final = 2**12

OWN_FILES: Final = 50 + probes.MOST_CONNECTIONS
"""File descriptors of a process that are not for the API server's connections."""

ENDINGS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

HEARTBEATS: Final = "/dev/shm"  # noqa: S108 - in memory, because a slow disk must not look like a worker that hangs


@dataclass(frozen=True, slots=True)
class Listen:
    """Where and as whom to serve. `certificate` may hold the key too."""

    host: str
    port: int
    certificate: Path
    key: Path | None
    workers: int
    observe_port: int


def serve(listen: Listen, load: Callable[[Aside], WSGIApplication]) -> None:
    """Serve until a signal ends it; `load` makes the application, once in every worker process.

    Raises BadCertificate.
    """
    telemetry.never_wait_for_a_reader()
    telemetry.reserve(listen.workers)
    hold, let_go = (partial(signal.pthread_sigmask, how, ENDINGS) for how in (signal.SIG_BLOCK, signal.SIG_UNBLOCK))
    os.register_at_fork(before=hold, after_in_parent=let_go)  # the worker does so when it has handlers of its own
    _Server(listen, Certificate(listen.certificate, listen.key), load).run()


class _Server(BaseApplication):
    """gunicorn's way to be started from a program rather than from its own command line."""

    def __init__(self, listen: Listen, certificate: "Certificate", load: Callable[[Aside], WSGIApplication]) -> None:
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
            "post_fork": lambda _server, worker: telemetry.belong(worker.slot),
            "post_worker_init": lambda worker: _start(listen, certificate, worker),
            "child_exit": lambda _server, worker: telemetry.forget(worker.slot),
        }
        for name, value in settings.items():
            self.cfg.set(name, value)


def _most_connections() -> int:
    """Return how many connections a process may have, so that probes find a file descriptor even then."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else max(1, min(MOST_CONNECTIONS, files - OWN_FILES))


class BadCertificate(BadInput):
    """There is no certificate that could be served; the message names the file."""


class Certificate:
    """The certificate on disk, as a TLS context for the next connection: made anew when the files change."""

    def __init__(self, certificate: Path, key: Path | None) -> None:
        self.files = (certificate, key or certificate)
        self.context = self.made()
        self.stamp = self.stamped()

    def stamped(self) -> list[tuple[int, int]]:
        """Tell one state of the files from another; a Secret's files change by a swap of links, hence the inodes."""
        try:
            return [(status.st_ino, status.st_mtime_ns) for status in map(Path.stat, self.files)]
        except OSError:
            return []

    def made(self) -> SSLContext:
        """Make the context from the files as they are now. Raises BadCertificate."""
        try:
            context = tls()
            context.load_cert_chain(*self.files, password="")  # an encrypted key must not ask on the terminal
            self.expiry = authority.expiry(self.files[0].read_bytes())
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            why = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            name = next((file for file in self.files if not file.is_file()), self.files[0])
            raise BadCertificate(f"{name}: no certificate with its key can be read here: {why}") from None
        return context

    def current(self) -> SSLContext:
        """Return the context for the next connection; files that broke keep the last good one."""
        stamp = self.stamped()
        if stamp != self.stamp:
            self.stamp = stamp
            try:
                self.context = self.made()
            except BadCertificate as error:
                telemetry.certificate_changed(self.expiry, problem=str(error))
            else:
                telemetry.certificate_changed(self.expiry)
        return self.context


def _listening(server: Any, port: int) -> None:
    for listener in server.LISTENERS:  # connections inherit it
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
