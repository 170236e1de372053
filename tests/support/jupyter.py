"""A notebook as upstream's controller makes it, and what its user does in it over HTTP."""

import contextlib
import http.client
import json
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

from tests.rig.cluster import Cluster
from tests.rig.node.images import NOTEBOOK
from tests.support.as_installed import stateful_set

PORT = 8888


def notebook(where: str, *, claim: str = "") -> dict[str, Any]:
    """Return the StatefulSet of a notebook, with a home on a claim if one is given."""
    obj = stateful_set(
        "nb",
        image=NOTEBOOK,
        command=None,
        workingDir="/home/jovyan",
        ports=[{"containerPort": PORT}],
        env=[{"name": "NB_PREFIX", "value": prefix(where)}],
        **({"volumeMounts": [{"name": "home", "mountPath": "/home/jovyan"}]} if claim else {}),
    )
    if claim:
        volume = {"name": "home", "persistentVolumeClaim": {"claimName": claim}}
        obj["spec"]["template"]["spec"]["volumes"] = [volume]
    return obj


def service(cluster: Cluster, where: str) -> str:
    """Create the notebook's Service, and return its address."""
    spec = {"selector": {"app": "nb"}, "ports": [{"port": 80, "targetPort": PORT}]}
    made = cluster.make(f"/api/v1/namespaces/{where}/services", {"metadata": {"name": "nb"}, "spec": spec})
    address: str = made["spec"]["clusterIP"]
    return address


def prefix(where: str) -> str:
    return f"/notebook/{where}/nb"


@dataclass(frozen=True)
class Answer:
    """What a notebook answered."""

    status: int
    cookies: SimpleCookie
    body: bytes


def ask(address: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer | None:
    """Return what the notebook answers to a GET, or to a PUT with a body; None while nobody listens."""
    connection = http.client.HTTPConnection(address, timeout=30)
    with contextlib.closing(connection):
        try:
            text = json.dumps(body) if body else None
            connection.request("PUT" if body else "GET", path, text, headers or {})
            response = connection.getresponse()
            cookies = SimpleCookie()
            for header in response.headers.get_all("Set-Cookie", []):
                cookies.load(header)
            return Answer(response.status, cookies, response.read())
        except OSError:
            return None


def save(address: str, where: str, name: str, text: str) -> int:
    """Save a file as JupyterLab does, and return the status."""
    page = ask(address, f"{prefix(where)}/lab")
    assert page
    token = page.cookies["_xsrf"].value
    headers = {"Cookie": f"_xsrf={token}", "X-XSRFToken": token, "Content-Type": "application/json"}
    body = {"type": "file", "format": "text", "content": text}
    answer = ask(address, f"{prefix(where)}/api/contents/{name}", body, headers)
    return answer.status if answer else 0


def content(address: str, where: str, name: str) -> str:
    """Return a file's text, as JupyterLab reads it."""
    answer = ask(address, f"{prefix(where)}/api/contents/{name}")
    assert answer
    return str(json.loads(answer.body)["content"])
