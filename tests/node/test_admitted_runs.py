"""A pod that OpenShift's admission lets in runs as what it was admitted as."""

from tests.rig.cluster import wait
from tests.rig.node.node import Node
from tests.support.installed import deployment, namespace
from tests.support.pods import SLEEP, first_uid, run, running

MAIN = {**SLEEP, "command": ["sh", "-c", "echo started; trap exit TERM; sleep infinity & wait"]}
SEEN = ("CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2")


def test_a_deployments_pod_runs_as_the_namespaces_uid(node: Node) -> None:
    where = namespace(node.cluster, "plain")
    volume = {"volumes": [{"name": "data", "emptyDir": {}}]}
    main = {**MAIN, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    node.cluster.make(f"/apis/apps/v1/namespaces/{where}/deployments", deployment("plain", containers=[main], **volume))
    [pod] = running(node.cluster, where, "app=plain")

    uid = first_uid(node.cluster, where)
    assert run(node.cluster, pod, "id").strip() == f"uid={uid} gid=0(root) groups=0(root),{uid}"
    assert run(node.cluster, pod, "stat", "-c", "%u:%g %a", "/data").strip() == f"0:{uid} 2777"
    status = run(node.cluster, pod, "cat", "/proc/self/status")
    assert all(line in status for line in SEEN), status
    assert wait(lambda: node.cluster.kubectl("logs", "-n", where, "deploy/plain").stdout, "log") == "started\n"


def test_a_pod_of_the_restricted_scc_in_a_user_namespace_is_who_it_says(node: Node) -> None:
    """`hostUsers: false` maps the IDs of a pod to others of the node: the runtime can do it."""
    where = namespace(node.cluster, "mapped")
    pod = {"metadata": {"name": "mapped", "labels": {"app": "mapped"}}}
    identity = {"runAsUser": 1000, "runAsGroup": 100, "fsGroup": 1000}
    spec = {"hostUsers": False, "securityContext": identity, "containers": [SLEEP]}
    node.cluster.make(f"/api/v1/namespaces/{where}/pods", {**pod, "spec": spec})  # an administrator may use any SCC
    [mapped] = running(node.cluster, where, "app=mapped")
    assert run(node.cluster, mapped, "id").strip() == "uid=1000 gid=100(users) groups=100(users),1000"
    outside = run(node.cluster, mapped, "cat", "/proc/self/uid_map").split()
    assert (outside[0], outside[2]) == ("0", "65536")
    assert outside[1] != "0"
