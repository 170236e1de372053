"""A Service of the real Knative answers with the webhook; in a namespace without it it gets no pod."""

import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.rig.cluster import wait
from tests.rig.node.node import Node
from tests.support import as_installed, knative, rows
from tests.support.installed import OPTED_IN, namespace, refusals
from tests.support.pods import first_uid, run, running


def test_a_service_behind_queue_proxy(node: Node, tmp_path: Path, proof: Callable[..., None]) -> None:
    cluster = node.cluster
    namespace(cluster, "kubeflow")
    as_installed.install(cluster, as_installed.copied(tmp_path) / "self-managed")
    knative.install(node, tmp_path)
    plain, team = namespace(cluster, "plain"), namespace(cluster, "team", **OPTED_IN)
    for where in (plain, team):
        knative.create(cluster, where)
    why = rows.reason(wait(lambda: refusals(cluster, plain), "refusal", 60)[0])
    assert "runAsUser: Invalid value: 1000" in why

    wait(lambda: knative.ready(cluster, team), "ready revision", 120)
    [pod] = running(cluster, team, "serving.knative.dev/service=hello")
    uid = first_uid(cluster, team)
    names = [container["name"] for container in pod["spec"]["containers"]]
    assert names == ["user-container", "queue-proxy"]
    assert run(cluster, pod, "id", "-u").strip() == uid
    with urllib.request.urlopen(f"http://{pod['status']['podIP']}:{knative.PROXY_PORT}/", timeout=10) as answer:
        assert answer.status == 200
    assert not knative.ready(cluster, plain)
    proof("Knative", "a Service with UID 1000", "Knative Serving 0.50.0", uid, "queue-proxy answers: 200", why)
