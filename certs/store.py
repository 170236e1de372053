"""Read and write the Secret and the webhook configuration."""

import base64
import datetime as dt
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from certs import authority, secret
from certs.api import Api, Forbidden, NotDone
from certs.authority import Certificate
from certs.protocol import State, Trust

REGISTRATIONS: Final = "/apis/admissionregistration.k8s.io"


@dataclass(frozen=True, slots=True)
class Names:
    """The Secret that stores the certificates, and the webhook configuration that trusts them."""

    namespace: str
    secret: str
    configuration: str


@dataclass(frozen=True, slots=True)
class Seen:
    """The webhook configuration and then the Secret, as read at `now` by the API server's clock."""

    now: dt.datetime
    state: State
    trust: Trust
    problems: tuple[str, ...]
    stored: dict[str, Any] | None
    registered: dict[str, Any] | None
    path: str


class Store(Api):
    """A client of the API server for one Secret and one webhook configuration."""

    def __init__(self, names: Names, kubeconfig: Path | None = None) -> None:
        """Load the given kubeconfig, the pod's service account, or kubectl's default. Raises NotDone."""
        self.names = names
        self.secrets = f"/api/v1/namespaces/{names.namespace}/secrets"
        super().__init__("kubeflow-openshift-certs", kubeconfig)

    def read(self) -> Seen:
        """Read the webhook configuration, then the Secret. Raises NotDone if the Secret cannot be read.

        The order makes concurrent keepers safe. The Secret is never older than the CA bundle, and a bundle is
        written only if the configuration has not changed since this read.
        """
        problems: list[str] = []
        path = f"{REGISTRATIONS}/v1/mutatingwebhookconfigurations/{self.names.configuration}"
        try:
            status, registered, _ = self.ask("GET", path)
            if (
                status == HTTPStatus.NOT_FOUND and "details" not in registered
            ):  # the API version is missing, not the object
                path = path.replace("/v1/", "/v1beta1/")
                status, registered, _ = self.ask("GET", path)
            trust = Trust(tuple(map(_bundle, registered.get("webhooks", []) if status == HTTPStatus.OK else [])))
        except Forbidden as error:  # trust unknown: the CA stays, the leaf can be renewed
            problems.append(str(error))
            registered, trust = {}, Trust(((),))
        found = registered if registered.get("webhooks") else None
        status, stored, now = self.ask("GET", f"{self.secrets}/{self.names.secret}")
        existing = stored if status == HTTPStatus.OK else None
        state, broken = secret.read((existing or {}).get("data") or {})
        problems += [f"Secret {self.names.namespace}/{self.names.secret}: {problem}" for problem in broken]
        return Seen(now, state, trust, tuple(problems), existing, found, path)

    def write_secret(self, seen: Seen, state: State) -> bool:
        """Write a state. Return False if the Secret has changed since it was read. Raises NotDone."""
        body = seen.stored or {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self.names.secret},
            "type": "Opaque",
        }
        others = {key: value for key, value in (body.get("data") or {}).items() if key not in secret.KEYS}
        body = {**body, "data": {**others, **secret.written(state)}}
        method, path = ("PUT", f"{self.secrets}/{self.names.secret}") if seen.stored else ("POST", self.secrets)
        status, answer, _ = self.ask(method, path, body)
        return _was_written(status, answer, gone=seen.stored is not None)

    def write_ca_bundles(self, seen: Seen) -> bool:
        """Make every webhook entry trust exactly the state's CAs.

        Return False if nothing was written: no change was due, or another client wrote first. Raises NotDone.
        """
        bundle = authority.pem(seen.state.bundle())
        if seen.registered is None or not bundle:
            return False
        value = base64.b64encode(bundle).decode()
        entries = [(index, entry["clientConfig"]) for index, entry in enumerate(seen.registered["webhooks"])]
        changes = [
            {"op": "add", "path": f"/webhooks/{index}/clientConfig/caBundle", "value": value}
            for index, entry in entries
            if entry.get("caBundle") != value
        ]
        if not changes:
            return False
        version = seen.registered["metadata"]["resourceVersion"]
        unchanged = {"op": "replace", "path": "/metadata/resourceVersion", "value": version}
        status, answer, _ = self.ask("PATCH", seen.path, [unchanged, *changes], "application/json-patch+json")
        return _was_written(status, answer, gone=True)


def _was_written(status: int, answer: dict[str, Any], *, gone: bool) -> bool:
    """Check whether a write succeeded; False if the object was changed or (`gone`) deleted first."""
    if status in (HTTPStatus.OK, HTTPStatus.CREATED):
        return True
    if status == HTTPStatus.CONFLICT or (gone and status == HTTPStatus.NOT_FOUND):
        return False
    raise NotDone(f"refused: {answer.get('message') or status}")


def _bundle(entry: dict[str, Any]) -> tuple[Certificate, ...]:
    """Return the CAs in an entry's CA bundle; none if it is malformed, so that it is rewritten."""
    try:
        return authority.certificates(base64.b64decode(entry["clientConfig"].get("caBundle") or "", validate=True))
    except ValueError:
        return ()
