"""An experiment of the real Katib succeeds with the webhook; without it neither Katib nor a trial gets a pod.

The webhook is always asked about the namespaces that Katib collects from, so without it means that it is removed.
"""

from collections.abc import Callable
from pathlib import Path

from tests.rig.cluster import wait
from tests.rig.node.node import Node
from tests.support import as_installed, cert_manager, katib, training
from tests.support.installed import CONFIGURATIONS, OPTED_IN, namespace, refusals
from tests.support.pods import first_uid
from webhook.registration.configuration import NAME


def test_upstreams_example_of_an_experiment(node: Node, tmp_path: Path, proof: Callable[..., None]) -> None:
    cluster = node.cluster
    namespace(cluster, "kubeflow")
    cert_manager.install(node)
    katib.prepare(node)
    katib.apply(cluster)
    wait(lambda: len(set(refusals(cluster, "kubeflow"))) >= 3, "refusals of three Deployments", 60)
    before = refusals(cluster, "kubeflow")
    assert any("runAsUser: Invalid value: 999" in message for message in before)

    as_installed.install(cluster, as_installed.copied(tmp_path) / "self-managed")
    katib.apply(cluster)
    katib.available(cluster)
    team = namespace(cluster, "team", **OPTED_IN, **katib.COLLECTS)
    path = katib.create(cluster, team)
    training.succeeded(cluster, path, 240)
    optimal = cluster.request("GET", path).body["status"]["currentOptimalTrial"]
    [metric] = optimal["observation"]["metrics"]
    assert (metric["name"], metric["latest"]) == ("loss", "0.7")

    uid = first_uid(cluster, team)
    done = cluster.request("GET", f"/api/v1/namespaces/{team}/pods").body["items"]
    trials = [pod for pod in done if "katib.kubeflow.org/trial" in pod["metadata"]["labels"]]
    assert len(trials) == 2
    for pod in trials:
        containers = {each["name"]: each["securityContext"]["runAsUser"] for each in pod["spec"]["containers"]}
        assert containers == {"training-container": int(uid), "metrics-logger-and-collector": int(uid)}

    cluster.request("DELETE", f"{CONFIGURATIONS}/{NAME}")
    plain = namespace(cluster, "plain", **katib.COLLECTS)
    refused = katib.create(cluster, plain)
    why = wait(lambda: katib.refusal(cluster, plain), "refusal of a trial", 120)
    assert "1000" in why
    assert "Succeeded" not in str(cluster.request("GET", refused).body.get("status"))
    said = f"{len(trials)} trials with their collectors, loss {metric['latest']} stored in the database"
    proof("S4", "Experiment sobol.yaml with IDs of 1000", "Katib 0.19.0", uid, said, why)
