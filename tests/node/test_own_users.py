"""The rule `user-namespace` on the node: an image runs as its own user, and a database finds its files again."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.rig.cluster import Cluster, wait
from tests.rig.node.images import NOTEBOOK, PYTHON
from tests.rig.node.node import Node
from tests.rig.sccs import bindings
from tests.support.as_installed import MERGE, stateful_set
from tests.support.installed import OPTED_IN, namespace, refusals
from tests.support.pods import disk, first_uid, main_process, run, running
from webhook.settings.scopes import NAMESPACE

CONFIG = """\
everyone: [restricted-v2, restricted-v3]
rules: {user-namespace: {namespaces: ["own-users-*"]}}
"""
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
HOME = "/home/jovyan"
PINNED = {"runAsUser": 1000, "fsGroup": 100}
DATABASE = """
import os, signal, sqlite3
if os.stat("/data").st_uid != os.getuid():
    raise SystemExit("the data directory belongs to another user")
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
database = sqlite3.connect("/data/it.db")
with database:
    database.execute("create table if not exists starts (uid)")
    database.execute("insert into starts values (?)", [os.getuid()])
print(*(row[0] for row in database.execute("select uid from starts")), flush=True)
signal.sigwait([signal.SIGTERM])
"""
"""Like PostgreSQL it refuses files of another owner. It says who started it, now and before."""


@pytest.fixture(scope="module")
def keeps(installed: Node) -> Iterator[Node]:
    """Let everyone use restricted-v3, as OpenShift 4.20 does, and switch the rule on in some namespaces."""
    cluster = installed.cluster
    [binding] = bindings(["restricted-v3"])
    cluster.make(BINDINGS, binding)
    before = configure(cluster, CONFIG)
    yield installed
    assert set_config(cluster, before)  # which the kubelet brings to the server within a minute
    assert cluster.request("DELETE", f"{BINDINGS}/{binding['metadata']['name']}").status == 200


def configure(cluster: Cluster, config: str) -> str:
    """Give the webhook another configuration, start it again with that, and return the former."""
    former = set_config(cluster, config)
    cluster.kubectl("rollout", "restart", "-n", NAMESPACE, "deployment", NAMESPACE)
    cluster.kubectl("rollout", "status", "-n", NAMESPACE, "deployment", NAMESPACE, "--timeout=110s")
    running(cluster, NAMESPACE, f"app.kubernetes.io/name={NAMESPACE}", count=2)
    return former


def set_config(cluster: Cluster, config: str) -> str:
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{NAMESPACE}"
    former: str = cluster.request("GET", path).body["data"]["config.yaml"]
    assert cluster.request("PATCH", path, {"data": {"config.yaml": config}}, content_type=MERGE).status == 200
    return former


def create(cluster: Cluster, where: str, context: dict[str, Any], **container: Any) -> None:
    obj = stateful_set("it", **container)
    obj["spec"]["template"]["spec"]["securityContext"] = context
    if "volumeMounts" in container:
        claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
        obj["spec"]["template"]["spec"]["volumes"] = [claim]
    cluster.make(f"/apis/apps/v1/namespaces/{where}/statefulsets", obj)


def test_without_the_webhook_a_pinned_user_is_refused(keeps: Node) -> None:
    where = namespace(keeps.cluster, "pinned")
    create(keeps.cluster, where, PINNED, image=NOTEBOOK)
    [said, *_] = wait(lambda: refusals(keeps.cluster, where), "refusal")
    assert "1000: must be in the ranges" in said
    assert "Host Users must be set to false" in said
    keeps.cluster.kubectl("delete", "statefulset", "it", "-n", where)


def test_by_default_it_runs_as_the_namespaces_user_with_a_volume_over_its_home(keeps: Node) -> None:
    where = namespace(keeps.cluster, "pinned-by-default", **OPTED_IN)
    create(keeps.cluster, where, PINNED, image=NOTEBOOK)
    [pod] = running(keeps.cluster, where, "app=it")
    uid = first_uid(keeps.cluster, where)
    assert pod["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"
    assert run(keeps.cluster, pod, "id", "-u").strip() == uid
    assert f" {HOME} " in run(keeps.cluster, pod, "cat", "/proc/mounts")
    assert written(keeps.cluster, pod) == f"0:{uid} 2777, {uid}:{uid}"
    assert on_node(keeps, pod) == int(uid)


def test_with_the_rule_it_runs_as_itself_in_its_own_home(keeps: Node) -> None:
    where = namespace(keeps.cluster, "own-users-notebook", **OPTED_IN)
    create(keeps.cluster, where, PINNED, image=NOTEBOOK)
    [pod] = running(keeps.cluster, where, "app=it")
    assert pod["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v3"
    assert run(keeps.cluster, pod, "id").strip() == "uid=1000(jovyan) gid=100(users) groups=100(users),1000"
    assert f" {HOME} " not in run(keeps.cluster, pod, "cat", "/proc/mounts")
    assert written(keeps.cluster, pod) == "1000:100 755, 1000:100"
    first, mapped, count = map(int, run(keeps.cluster, pod, "cat", "/proc/self/uid_map").split())
    assert (first, count) == (0, 65536)
    assert on_node(keeps, pod) == mapped + 1000 >= 65536


def written(cluster: Cluster, pod: dict[str, Any]) -> str:
    """Return owner and mode of the home, and the owner of a file that is written there."""
    line = f"touch {HOME}/it && stat -c '%u:%g %a' {HOME} && stat -c %u:%g {HOME}/it"
    return ", ".join(run(cluster, pod, "sh", "-c", line).split("\n")).strip(", ")


def on_node(node: Node, pod: dict[str, Any]) -> int:
    """Return the UID that a pod's main process has on the node."""
    status = node.run("cat", f"/proc/{main_process(node, pod)}/status").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("Uid:"))


@pytest.mark.parametrize("where", ["own-users-database", "database-by-default"])
def test_a_database_finds_its_files_after_a_restart(keeps: Node, where: str) -> None:
    """Its disk is from before, with files of UID 1001; it does not start as anyone else."""
    cluster = keeps.cluster
    namespace(cluster, where, **OPTED_IN)
    folder = disk(keeps, where, "data", 1001)
    mount = [{"name": "data", "mountPath": "/data"}]
    create(cluster, where, {"runAsUser": 1001}, image=PYTHON, command=["python3", "-c", DATABASE], volumeMounts=mount)
    if where == "database-by-default":
        wait(lambda: "belongs to another user" in logs(cluster, where), "refusal of the database", 60)
        cluster.kubectl("delete", "statefulset", "it", "-n", where)
        return
    [first] = running(cluster, where, "app=it")
    assert wait(lambda: logs(cluster, where), "log") == "1001\n"
    cluster.kubectl("delete", "pod", "it-0", "-n", where)
    [second] = running(cluster, where, "app=it")
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    assert wait(lambda: logs(cluster, where), "log") == "1001 1001\n"
    assert keeps.run("stat", "-c", "%u", f"{folder}/it.db").strip() == "1001"
    assert on_node(keeps, second) >= 65536


def logs(cluster: Cluster, where: str) -> str:
    return cluster.kubectl("logs", "-n", where, "it-0", check=False).stdout
