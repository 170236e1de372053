"""Start the webhook as in production (gunicorn, TLS, its own certificate) on loopback, and send it reviews."""

import contextlib
import http.client
import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from types import MappingProxyType
from typing import Any

from webhook.objects.model import Object, Request
from webhook.workloads.kinds import group_of

STARTS_WITHIN = 15  # seconds; it takes one


@dataclass(frozen=True, slots=True)
class Server:
    """A running webhook."""

    host: str
    port: int
    observe_port: int
    ca: Path
    log: Path
    process: subprocess.Popen[bytes]

    def post(self, body: bytes, content_type: str = "application/json", path: str = "/mutate") -> tuple[int, bytes]:
        """Send one body over HTTPS; return status and answer."""
        connection = self.connect()
        try:
            connection.request("POST", path, body, {"Content-Type": content_type})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def connect(self, timeout: float = 10) -> http.client.HTTPSConnection:
        """Open a connection that trusts only the server's own CA."""
        return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.trust())

    def trust(self) -> ssl.SSLContext:
        """Return what a client needs to trust only the server's own CA."""
        return ssl.create_default_context(cafile=str(self.ca))

    def workers(self) -> list[int]:
        """Return the process ids of the workers, the oldest first (Linux)."""
        pid = self.process.pid
        return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def reviews(self) -> list[dict[str, Any]]:
        """Return what the log says of each review so far."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if "uid" in line]

    def observe(self, path: str) -> tuple[int, str]:
        """GET a page of the observation port, which is plain HTTP."""
        connection = http.client.HTTPConnection(self.host, self.observe_port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


@contextmanager
def serving(
    *arguments: str,
    host: str = "127.0.0.1",
    port: int | None = None,
    module: str = "webhook",
    log: Path | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Server]:
    """Start `python -m webhook serve`, wait until it is ready, stop it at the end."""
    with tempfile.TemporaryDirectory() as folder:
        port, observe_port = port or free_port(), free_port()
        ca, log = Path(folder, "ca.crt"), log or Path(folder, "log")
        command = [sys.executable, "-m", module, "serve", "--host", host, "--port", str(port)]
        command += ["--observe-port", str(observe_port), "--ca-out", str(ca), *arguments]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment})
        server = Server(host, port, observe_port, ca, log, process)
        try:
            _await(server)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # at once; SIGTERM would serve for some seconds yet
            process.wait(30)


def _await(server: Server) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            if server.observe("/readyz")[0] == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.05)
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the webhook did not start:\n{server.log.read_text()}")


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def review(request: Request, version: str = "v1") -> bytes:
    """Write the AdmissionReview that the API server would send for a request."""
    api_version = (request.object or request.old or {}).get("apiVersion", "v1")
    body: Object = {
        "uid": request.uid or str(uuid.uuid4()),
        "kind": {
            "group": group_of(request.kind),
            "version": str(api_version).rpartition("/")[2],
            "kind": request.kind.partition(".")[0],
        },
        "operation": request.operation,
        "namespace": request.namespace,
        "name": request.name,
        "subResource": request.subresource,
        "object": request.object,
        "oldObject": request.old,
    }
    envelope: dict[str, Any] = {
        "apiVersion": f"admission.k8s.io/{version}",
        "kind": "AdmissionReview",
        "request": {key: value for key, value in body.items() if value not in ("", None)},
    }
    return json.dumps(envelope).encode()


@contextmanager
def few_files(limit: int = 128) -> Iterator[None]:
    """Let processes that are started in the block open only a few files; and this one, as long as it lasts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def post(connection: HTTPSConnection, body: bytes | Iterable[bytes], **headers: str) -> HTTPResponse:
    """Send a body; a server that has seen enough may answer before it has all of it."""
    headers = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
        connection.request("POST", "/mutate", body, headers, encode_chunked="Transfer-Encoding" in headers)
    return connection.getresponse()


def reason(body: bytes) -> str:
    """Return the reason of a refusal, which must be one line of JSON and nothing else."""
    assert body.count(b"\n") == 1
    refusal = json.loads(body)
    assert refusal.keys() == {"reason"}
    return str(refusal["reason"])
