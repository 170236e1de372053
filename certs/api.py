"""Send requests to the API server. Only this module imports kubernetes.

Objects are plain dicts: the client's typed models drop unknown fields and have no v1beta1, which OpenShift 4.2 needs.
"""

import datetime as dt
import email.utils
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import urllib3
from kubernetes import client, config

PATIENCE: Final = 5
"""Seconds. The timeout of one request."""


class NotDone(Exception):
    """The cluster is unreachable or refuses a request. The message says why and how to fix it."""


class Forbidden(NotDone):
    """RBAC or authentication refuses a request."""


class Unreachable(NotDone):
    """No API server responds."""


class Api:
    """A client of the API server, named `agent` in audit logs."""

    def __init__(self, agent: str, kubeconfig: Path | None = None, context: str | None = None) -> None:
        """Load the given kubeconfig, the pod's service account, or kubectl's default. Raises NotDone."""
        try:
            if kubeconfig or context or not Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists():
                config.load_kube_config(str(kubeconfig) if kubeconfig else None, context)
            else:
                config.load_incluster_config()
        except config.ConfigException as error:
            raise NotDone(f"no cluster credentials: {error}; pass --kubeconfig FILE") from None
        except Exception as error:  # noqa: BLE001 - the library raises anything for a file that is malformed
            raise NotDone(f"no cluster credentials: malformed kubeconfig: {type(error).__name__}") from None
        settings = client.Configuration.get_default_copy()
        settings.retries = False  # the caller reads again before it retries
        self.api = client.ApiClient(settings)
        self.api.user_agent = agent

    def ask(
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
            raise Unreachable(f"the API server does not respond: {type(error).__name__}") from None
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {}
        if response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise Forbidden(f"not allowed to {method} {path}: {answer.get('message') or response.status}")
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise NotDone(f"{method} {path}: {response.status} {answer.get('message', '')}".rstrip())
        return response.status, answer, _moment(response.getheader("Date"))


def _moment(date: str | None) -> dt.datetime:
    try:
        return email.utils.parsedate_to_datetime(date or "")
    except ValueError:
        return dt.datetime.now(dt.UTC)
