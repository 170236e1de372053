"""A process without privilege binds a port below 1024 with the webhook, and cannot without."""

from collections.abc import Callable

from tests.rig.cluster import wait
from tests.rig.node.images import PYTHON
from tests.rig.node.node import Node
from tests.support.installed import OPTED_IN, deployment, namespace
from tests.support.pods import first_uid, run, running

ASK = "import urllib.request as ask; print(ask.urlopen('http://127.0.0.1:{}').status)"
CANNOT = "PermissionError: [Errno 13] Permission denied"


def test_ports_below_1024(installed: Node, ran: Callable[[str, str, str], None]) -> None:
    cluster = installed.cluster
    plain, team = namespace(cluster, "plain-ports"), namespace(cluster, "ports", **OPTED_IN)
    ports = {"S4": 443, "N2": 80}
    for where in (plain, team):
        for port in ports.values():
            command = ["timeout", "3600", "python3", "-m", "http.server", str(port)]
            main = {"name": "main", "image": PYTHON, "command": command, "ports": [{"containerPort": port}]}
            obj = deployment(f"on-{port}", containers=[main])
            cluster.make(f"/apis/apps/v1/namespaces/{where}/deployments", obj)

    for port in ports.values():
        [pod] = running(cluster, team, f"app=on-{port}")
        assert run(cluster, pod, "id", "-u").strip() == first_uid(cluster, team)
        assert wait(lambda: run(cluster, pod, "python3", "-c", ASK.format(port)).strip(), "answer") == "200"  # noqa: B023
        log = ("logs", "-n", plain, f"deploy/on-{port}")
        wait(lambda: CANNOT in cluster.kubectl(*log, check=False).stdout, f"refusal of port {port}")  # noqa: B023
    shown = "Python's server answers on port {} as the namespace's UID; without: PermissionError"
    ran("S4", "Katib 0.7's controller on port 443", shown.format(443))
    ran("N2", "a gateway on port 80", shown.format(80))
