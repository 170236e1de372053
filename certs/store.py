"""The Secret and the webhook configuration in the cluster: the door of kubernetes.

Plain dicts over the client's own connection and login: a typed model would lose fields that it does not know, and has
no v1beta1, which OpenShift 4.2 needs.
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
"""Seconds for one request."""


class NotDone(Exception):
    """The cluster cannot be asked, or refuses; the message says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Names:
    """Where the certificates are kept, and who shall trust them."""

    namespace: str
    secret: str
    configuration: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What the cluster holds: the webhook configuration was read first, then the Secret, at `now` by its own clock."""

    now: dt.datetime
    state: State
    trust: Trust
    problems: tuple[str, ...]
    stored: dict[str, Any] | None
    registered: dict[str, Any] | None
    path: str


class Store:
    """A connection to the API server, for one Secret and one webhook configuration."""

    def __init__(self, names: Names, kubeconfig: Path | None = None) -> None:
        """Log in by a kubeconfig, by the pod's service account, or as kubectl would. Raises NotDone."""
        self.names = names
        self.secrets = f"/api/v1/namespaces/{names.namespace}/secrets"
        try:
            if kubeconfig or not Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists():
                config.load_kube_config(str(kubeconfig) if kubeconfig else None)
            else:
                config.load_incluster_config()
        except config.ConfigException as error:
            raise NotDone(f"no way into the cluster: {error}; name a kubeconfig with --kubeconfig") from None
        settings = client.Configuration.get_default_copy()
        settings.retries = False  # whoever calls tries again, with a fresh look
        self.api = client.ApiClient(settings)
        self.api.user_agent = "kubeflow-openshift-certs"  # what audit logs say

    def look(self) -> Seen:
        """Read everything. Raises NotDone where not even the Secret can be read.

        The order is what makes racing keepers safe: a caBundle written on top of what was read here is refused if
        anybody wrote one since, and the Secret read after it is no older than the caBundle says.
        """
        problems: list[str] = []
        path = f"{REGISTRATIONS}/v1/mutatingwebhookconfigurations/{self.names.configuration}"
        try:
            status, registered, _ = self._ask("GET", path)
            if status == HTTPStatus.NOT_FOUND and "details" not in registered:  # the version, not the object
                path = path.replace("/v1/", "/v1beta1/")
                status, registered, _ = self._ask("GET", path)
            trust = Trust(tuple(map(_bundle, registered.get("webhooks", []) if status == HTTPStatus.OK else [])))
        except Forbidden as error:  # nobody is known to trust anything: then no CA is changed, but a leaf still is
            problems.append(str(error))
            registered, trust = {}, Trust(((),))
        found = registered if registered.get("webhooks") else None
        status, stored, now = self._ask("GET", f"{self.secrets}/{self.names.secret}")
        existing = stored if status == HTTPStatus.OK else None
        state, broken = secret.read((existing or {}).get("data") or {})
        problems += [f"Secret {self.names.namespace}/{self.names.secret}: {problem}" for problem in broken]
        return Seen(now, state, trust, tuple(problems), existing, found, path)

    def keep(self, seen: Seen, state: State) -> bool:
        """Write a state on top of what was seen; False where somebody wrote meanwhile. Raises NotDone."""
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
        return _won(status, answer, gone=seen.stored is not None)

    def trust(self, seen: Seen) -> bool:
        """Have every entry of the configuration trust exactly the state's CAs.

        Return whether anything was written; what somebody wrote meanwhile stays. Raises NotDone.
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
        on_top_of = {"op": "replace", "path": "/metadata/resourceVersion", "value": version}
        status, answer, _ = self._ask("PATCH", seen.path, [on_top_of, *changes], "application/json-patch+json")
        return _won(status, answer, gone=True)

    def _ask(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> tuple[int, dict[str, Any], dt.datetime]:
        """Return status, body, and the moment by the API server's clock: it is the one that judges certificates."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        prepared = self.api.param_serialize(
            method=method, resource_path=path, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        try:
            response = self.api.call_api(*prepared, _request_timeout=PATIENCE)
            text = response.read() or b"{}"
        except (urllib3.exceptions.HTTPError, client.ApiException, OSError) as error:
            raise NotDone(f"the API server does not answer: {type(error).__name__}") from None
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
    """A right is missing."""


def _won(status: int, answer: dict[str, Any], *, gone: bool) -> bool:
    """Tell whether a write was done; False where somebody changed or (`gone`) deleted the object meanwhile."""
    if status in (HTTPStatus.OK, HTTPStatus.CREATED):
        return True
    if status == HTTPStatus.CONFLICT or (gone and status == HTTPStatus.NOT_FOUND):
        return False
    raise NotDone(f"refused: {answer.get('message') or status}")


def _bundle(entry: dict[str, Any]) -> tuple[Certificate, ...]:
    """Read an entry's caBundle; what cannot be read trusts nobody, and will be written anew."""
    try:
        return authority.certificates(base64.b64decode(entry["clientConfig"].get("caBundle") or "", validate=True))
    except ValueError:
        return ()


def _moment(date: str | None) -> dt.datetime:
    try:
        return email.utils.parsedate_to_datetime(date or "")
    except ValueError:
        return dt.datetime.now(dt.UTC)
