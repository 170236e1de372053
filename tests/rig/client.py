"""Speak to a cluster: over HTTPS, one connection for each thread, or through kubectl."""

import dataclasses
import http.client
import json
import os
import pathlib
import re
import select
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Response:
    """What the API server answered: a body that is not JSON is `{"message": text}`."""

    status: int
    body: dict[str, Any]
    warnings: tuple[str, ...]


class Connection(http.client.HTTPSConnection):
    """A connection that does not outlive the thread that it belongs to."""

    def __del__(self) -> None:
        self.close()


class Client(threading.local):
    """A connection to the API server for each thread: threading.local runs __init__ in every one."""

    def __init__(self, port: int, directory: pathlib.Path) -> None:
        tls = ssl.create_default_context(cafile=directory / "ca.crt")
        tls.load_cert_chain(directory / "admin.crt", directory / "admin.key")
        self.connection = Connection("127.0.0.1", port, context=tls, timeout=60)

    def request(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Response:
        """Send a request and read its response."""
        if hung_up(self.connection):
            self.connection.close()  # http.client connects again by itself
        try:
            self.connection.request(method, path, body.encode() if body is not None else None, headers)
            response = self.connection.getresponse()
            text = response.read().decode()
        except BaseException:
            self.connection.close()
            raise
        is_json = response.headers.get_content_type() == "application/json"
        warnings = tuple(warning_text(header) for header in response.headers.get_all("Warning", []))
        return Response(response.status, json.loads(text) if is_json else {"message": text}, warnings)


def hung_up(connection: http.client.HTTPSConnection) -> bool:
    """Check whether the server closed an idle connection: nothing else makes it readable between requests."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def warning_text(header: str) -> str:
    """Return the text of `299 - "text"`, whose quotes and backslashes are escaped."""
    quoted = re.search(r'"((?:[^"\\]|\\.)*)"', header)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A control plane that runs, and its administrator's requests to it."""

    directory: pathlib.Path
    server: str
    bin: pathlib.Path
    client: Client = dataclasses.field(repr=False, compare=False)

    @property
    def kubeconfig(self) -> pathlib.Path:
        """The administrator's kubeconfig."""
        return self.directory / "kubeconfig"

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str | None = None,
        content_type: str = "application/json",
    ) -> Response:
        """Send a request, as another user if one is given; a body that is a string goes as it is."""
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        if user:
            headers["Impersonate-User"] = user  # the server adds the groups of a service account
        return self.client.request(method, path, text, headers)

    def make(self, path: str, body: object, user: str | None = None) -> dict[str, Any]:
        """Create an object, which must succeed, and return it as it was stored."""
        response = self.request("POST", path, body, user=user)
        assert response.status == 201, f"POST {path}: {response.status} {response.body.get('message')}"
        return response.body

    def kubectl(
        self, *arguments: str, send: str | None = None, check: bool = True, user: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl, which must succeed unless told otherwise, with `send` as its input."""
        done = subprocess.run(
            [shutil.which("kubectl") or self.bin / "kubectl", *arguments, *([f"--as={user}"] if user else [])],
            env=os.environ | {"KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.directory / "cache")},
            input=send,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0 or not check, f"kubectl {' '.join(arguments)}: {done.stderr.strip()}"
        return done


def wait(condition: Callable[[], T], what: str, seconds: float = 30) -> T:
    """Poll until the condition holds, and return what it returned."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.1)
    return result
