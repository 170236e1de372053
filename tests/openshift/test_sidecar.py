"""Another webhook injects a container after SCC has judged the Pod: its fate before and after the webhook."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.rig.cluster import Cluster, Response
from tests.support.installed import CONFIGURATIONS, OPTED_IN, with_accounts
from tests.support.other_webhook import answering
from tests.support.rows import reason

SIDECARS: dict[str, dict[str, Any]] = {
    "context-less": {"name": "side", "image": "example"},
    "uid-1337": {"name": "side", "image": "example", "securityContext": {"runAsUser": 1337}},
    "privileged": {"name": "side", "image": "example", "securityContext": {"privileged": True}},
}
ISTIO: dict[str, Any] = {
    "image": "proxyv2",
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 1337,
        "runAsGroup": 1337,
    },
}
"""As Istio with its CNI plugin injects it, unless it is told that the platform is OpenShift."""
WITH_THE_PROXYS_USER = ("istio-proxy", "istio-validation", "storage-initializer")
"""KServe copies the proxy's UID to the last."""
LABEL = "inject"


SEEN: dict[str, dict[str, Any]] = {}
"""Pods as they were on /see, by name."""


def answer(path: str, body: bytes) -> dict[str, Any]:
    """Do what Istio, Katib and KServe do: add the container that the Pod's label names. On /see only look."""
    pod = json.loads(body)["request"]["object"]
    names = [container["name"] for container in pod["spec"]["containers"]]
    if path.startswith("/see"):
        SEEN[pod["metadata"]["name"]] = pod
    elif not {"side", "istio-proxy"} & {*names}:
        label = pod["metadata"]["labels"][LABEL]
        sidecar = SIDECARS.get(label, {"name": "istio-proxy", **ISTIO})
        added: list[dict[str, Any]] = [{"op": "add", "path": "/spec/containers/-", "value": sidecar}]
        if label == "istio":
            before = [{"name": name, **ISTIO} for name in WITH_THE_PROXYS_USER[1:]]
            added.append({"op": "add", "path": "/spec/initContainers", "value": before})
        patch = json.dumps(added)
        return {"patchType": "JSONPatch", "patch": base64.b64encode(patch.encode()).decode()}
    return {}


@pytest.fixture(scope="module")
def injector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Serve the injector; yield a webhook entry that leads to it."""
    with answering(answer, tmp_path_factory.mktemp("injector")) as client_config:
        yield {
            "name": "pods.injector.example.io",
            "clientConfig": {**client_config, "url": f"{client_config['url']}/inject"},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "objectSelector": {"matchExpressions": [{"key": LABEL, "operator": "Exists"}]},
            "admissionReviewVersions": ["v1"],
            "reinvocationPolicy": "IfNeeded",
            "sideEffects": "None",
        }


def inject(cluster: Cluster, entry: dict[str, Any]) -> None:
    """Register the injector before the webhook, and again after it to see its result."""
    url = entry["clientConfig"]["url"]
    seer = {**entry, "clientConfig": {**entry["clientConfig"], "url": url.replace("/inject", "/see")}}
    cluster.make(CONFIGURATIONS, {"metadata": {"name": "mm-injector"}, "webhooks": [entry]})
    cluster.make(CONFIGURATIONS, {"metadata": {"name": "zzz-seer"}, "webhooks": [seer]})


def pod(name: str, sidecar: str | None, *more: dict[str, Any]) -> dict[str, Any]:
    labels = {LABEL: sidecar} if sidecar else {}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "example"}, *more]},
    }


def create(cluster: Cluster, where: str, body: dict[str, Any], query: str = "") -> Response:
    user = f"system:serviceaccount:{where}:default"
    return cluster.request("POST", f"/api/v1/namespaces/{where}/pods{query}", body, user=user)


def contexts(stored: dict[str, Any]) -> dict[str, Any]:
    return {container["name"]: container.get("securityContext") for container in stored["spec"]["containers"]}


@pytest.fixture(scope="module")
def spaces(cluster: Cluster, injector: dict[str, Any]) -> tuple[str, str]:
    """Return a namespace without the webhook and one with it, with the injector active in both."""
    inject(cluster, injector)
    return with_accounts(cluster, "sidecar-without"), with_accounts(cluster, "sidecar-with", **OPTED_IN)


@pytest.mark.parametrize(
    ("sidecar", "without", "with_us"), [("context-less", 201, 201), ("uid-1337", 403, 201), ("privileged", 403, 403)]
)
def test_ours_sorted_last_saves_what_may_be_saved(
    cluster: Cluster, spaces: tuple[str, str], sidecar: str, without: int, with_us: int
) -> None:
    assert create(cluster, spaces[0], pod(sidecar, sidecar)).status == without
    answer = create(cluster, spaces[1], pod(sidecar, sidecar))
    assert answer.status == with_us, answer.body
    if with_us == 201:
        assert contexts(answer.body)["side"] == contexts(answer.body)["main"]
        assert answer.body["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"
    else:
        assert "Privileged containers are not allowed" in answer.body["message"]
        assert contexts(SEEN[sidecar])["side"] == SIDECARS[sidecar]["securityContext"]


def test_istio_has_another_user_of_the_range_than_the_application(cluster: Cluster, spaces: tuple[str, str]) -> None:
    assert create(cluster, spaces[0], pod("mesh", "istio")).status == 403
    admitted = create(cluster, spaces[1], pod("mesh", "istio"))
    assert admitted.status == 201, admitted.body
    _is_istios(admitted.body, "restricted-v2")


def _is_istios(stored: dict[str, Any], scc: str) -> None:
    """Check that the application has the first UID of the namespace, and those with the proxy's the second, and GID."""
    assert stored["metadata"]["annotations"]["openshift.io/scc"] == scc
    users = contexts(stored) | contexts({"spec": {"containers": stored["spec"]["initContainers"]}})
    first = users["main"]["runAsUser"]
    for name in WITH_THE_PROXYS_USER:
        assert (users[name]["runAsUser"], users[name]["runAsGroup"]) == (first + 1, first + 1)
    assert "runAsGroup" not in users["main"]


@pytest.fixture(scope="module")
def spaces_4_2(cluster_like_4_2: Cluster, injector: dict[str, Any]) -> tuple[str, str]:
    inject(cluster_like_4_2, injector)
    without = with_accounts(cluster_like_4_2, "sidecar-without")
    return without, with_accounts(cluster_like_4_2, "sidecar-with", **OPTED_IN)


def test_on_4_2_a_context_less_sidecar_is_refused_without_us_and_becomes_what_scc_assigns_with_us(
    cluster_like_4_2: Cluster, spaces_4_2: tuple[str, str], show: Callable[..., None]
) -> None:
    refused = create(cluster_like_4_2, spaces_4_2[0], pod("article", "context-less"))
    assert refused.status == 403
    assert "unable to validate against any security context constraint" in refused.body["message"]

    admitted = create(cluster_like_4_2, spaces_4_2[1], pod("article", "context-less"))
    assert admitted.status == 201, admitted.body
    assert admitted.body["metadata"]["annotations"]["openshift.io/scc"] == "restricted"

    # The same two containers, both there before SCC judged.
    by_scc = create(cluster_like_4_2, spaces_4_2[1], pod("by-scc", None, SIDECARS["context-less"]))
    assert contexts(admitted.body) == contexts(by_scc.body)
    assert admitted.body["spec"]["securityContext"] == by_scc.body["spec"]["securityContext"]
    what = "the article's Katib pod: a collector injected after SCC, as on 4.2"
    show("S4", what, "kubectl create", reason(refused.body["message"]), "admitted by restricted, as SCC itself assigns")


def test_on_4_2_uid_1337_is_saved_too_and_privilege_is_not(
    cluster_like_4_2: Cluster, spaces_4_2: tuple[str, str]
) -> None:
    istio = create(cluster_like_4_2, spaces_4_2[1], pod("istio", "uid-1337"))
    assert istio.status == 201, istio.body
    assert contexts(istio.body)["side"] == contexts(istio.body)["main"]
    assert create(cluster_like_4_2, spaces_4_2[1], pod("root", "privileged")).status == 403
    mesh = create(cluster_like_4_2, spaces_4_2[1], pod("mesh", "istio"))
    assert mesh.status == 201, mesh.body
    _is_istios(mesh.body, "restricted")
