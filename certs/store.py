"""Read and write the Secret and the webhook configuration. Only this module imports kubernetes.

Objects are plain dicts: the client's typed models drop unknown fields and have no v1beta1, which OpenShift 4.2 needs.
"""

import base64
import datetime as dt
import email.utils
import json
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import urllib3
from kubernetes import client, config

from certs import authority, secret
from certs.authority import Certificate
from certs.protocol import State, Trust

REGISTRATIONS: Final = "/apis/admissionregistration.k8s.io"
PATIENCE: Final = 5
"""Seconds. The timeout of one request."""


class NotDone(Exception):
    """The cluster is unreachable or refuses a request. The message says why and how to fix it."""


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


class Store:
    """A client of the API server for one Secret and one webhook configuration."""

    def __init__(self, names: Names, kubeconfig: Path | None = None) -> None:
        """Load the given kubeconfig, the pod's service account, or kubectl's default. Raises NotDone."""
        self.names = names
        self.secrets = f"/api/v1/namespaces/{names.namespace}/secrets"
        try:
            if kubeconfig or not Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists():
                config.load_kube_config(str(kubeconfig) if kubeconfig else None)
            else:
                config.load_incluster_config()
        except config.ConfigException as error:
            raise NotDone(f"no cluster credentials: {error}; pass --kubeconfig FILE") from None
        settings = client.Configuration.get_default_copy()
        settings.retries = False  # the caller reads again before it retries
        self.api = client.ApiClient(settings)
        self.api.user_agent = "kubeflow-openshift-certs"  # in audit logs

    def read(self) -> Seen:
        """Read the webhook configuration, then the Secret. Raises NotDone if the Secret cannot be read.

        The order makes concurrent keepers safe. The Secret is never older than the CA bundle, and a bundle is
        written only if the configuration has not changed since this read.
        """
        problems: list[str] = []
        path = f"{REGISTRATIONS}/v1/mutatingwebhookconfigurations/{self.names.configuration}"
        try:
            status, registered, _ = self._ask("GET", path)
            if (
                status == HTTPStatus.NOT_FOUND and "details" not in registered
            ):  # the API version is missing, not the object
                path = path.replace("/v1/", "/v1beta1/")
                status, registered, _ = self._ask("GET", path)
            trust = Trust(tuple(map(_bundle, registered.get("webhooks", []) if status == HTTPStatus.OK else [])))
        except Forbidden as error:  # trust unknown: the CA stays, the leaf can be renewed
            problems.append(str(error))
            registered, trust = {}, Trust(((),))
        found = registered if registered.get("webhooks") else None
        status, stored, now = self._ask("GET", f"{self.secrets}/{self.names.secret}")
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
        status, answer, _ = self._ask(method, path, body)
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
        status, answer, _ = self._ask("PATCH", seen.path, [unchanged, *changes], "application/json-patch+json")
        return _was_written(status, answer, gone=True)

    def _ask(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> tuple[int, dict[str, Any], dt.datetime]:
        """Return status, body, and the API server's time: its clock decides whether certificates are valid."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        prepared = self.api.param_serialize(
            method=method, resource_path=path, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        try:
            response = self.api.call_api(*prepared, _request_timeout=PATIENCE)
            text = response.read() or b"{}"
        except (urllib3.exceptions.HTTPError, client.ApiException, OSError) as error:
            raise NotDone(f"the API server does not respond: {type(error).__name__}") from None
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {}
        if response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise Forbidden(f"not allowed to {method} {path}: {answer.get('message') or response.status}")
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise NotDone(f"{method} {path}: {response.status} {answer.get('message', '')}".rstrip())
        return response.status, answer, _moment(response.getheader("Date"))


class Forbidden(NotDone):
    """RBAC or authentication refuses a request."""


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


def _moment(date: str | None) -> dt.datetime:
    try:
        return email.utils.parsedate_to_datetime(date or "")
    except ValueError:
        return dt.datetime.now(dt.UTC)
