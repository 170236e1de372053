"""A notebook whose image is for UID 1000, with and without the webhook, and with a claim."""

from collections.abc import Callable

from tests.rig.cluster import Cluster, wait
from tests.rig.node.node import Node
from tests.support.installed import OPTED_IN, namespace, refusals
from tests.support.jupyter import ask, content, notebook, prefix, save, service
from tests.support.pods import disk, first_uid, run, running

Ran = Callable[[str, str, str], None]
STARTED = 60.0


def sets(where: str) -> str:
    return f"/apis/apps/v1/namespaces/{where}/statefulsets"


def test_without_it_the_notebook_is_refused_or_crashes(installed: Node) -> None:
    cluster, where = installed.cluster, namespace(installed.cluster, "not-opted-in")
    cluster.make(sets(where), notebook(where))
    wait(lambda: refusals(cluster, where), "refusal")
    assert "fsGroup: Invalid value: [100]" in refusals(cluster, where)[0]

    cluster.kubectl("delete", "statefulset", "nb", "-n", where)
    without_group = notebook(where)
    without_group["spec"]["template"]["spec"]["securityContext"] = {}
    cluster.make(sets(where), without_group)
    wait(lambda: "PermissionError" in said(cluster, where), "crash", STARTED)
    cluster.kubectl("delete", "statefulset", "nb", "-n", where)


def said(cluster: Cluster, where: str) -> str:
    """Return what the notebook's last container said."""
    now = cluster.kubectl("logs", "-n", where, "nb-0", check=False).stdout
    return now + cluster.kubectl("logs", "-n", where, "nb-0", "--previous", check=False).stdout


def test_with_it_jupyterlab_answers_as_the_namespaces_uid(installed: Node, ran: Ran) -> None:
    cluster, where = installed.cluster, namespace(installed.cluster, "team", **OPTED_IN)
    cluster.make(sets(where), notebook(where))
    address = service(cluster, where)
    [pod] = running(cluster, where, "app=nb")
    answers(address, where)

    assert save(address, where, "it.txt", "written") == 201
    owner = run(cluster, pod, "stat", "-c", "%u %n", "/home/jovyan/it.txt").strip()
    assert owner == f"{first_uid(cluster, where)} /home/jovyan/it.txt"
    ran("S1", "the notebook controller's StatefulSet, fsGroup 100", "JupyterLab: HTTP 200; without: refused")
    ran(
        "S3",
        "a notebook that mounts nothing",
        "JupyterLab saves a file as the namespace's UID; without: PermissionError",
    )


def answers(address: str, where: str) -> None:
    """Wait until JupyterLab answers."""

    def status() -> bool:
        answer = ask(address, f"{prefix(where)}/lab")
        return answer is not None and answer.status == 200

    wait(status, "answer of JupyterLab", STARTED)


def test_with_a_claim_a_file_is_there_after_a_restart(installed: Node, ran: Ran) -> None:
    cluster, where = installed.cluster, namespace(installed.cluster, "team-with-disk", **OPTED_IN)
    disk(installed, where, "home")
    cluster.make(sets(where), notebook(where, claim="home"))
    address = service(cluster, where)
    [first] = running(cluster, where, "app=nb")
    answers(address, where)
    assert save(address, where, "it.txt", "kept") == 201

    cluster.kubectl("delete", "pod", "nb-0", "-n", where)
    [second] = running(cluster, where, "app=nb")
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    answers(address, where)
    assert content(address, where, "it.txt") == "kept"
    ran("N5", "notebook-26.03: 1 pod specs", "JupyterLab with its home on a claim: a file is there after a restart")
