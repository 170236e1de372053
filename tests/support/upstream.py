"""Install a folder of upstream's manifests on the rig, and say which workloads got a pod, and by which SCC.

It counts the workloads with at least one pod: Deployment, StatefulSet, ReplicaSet, Job. DaemonSets have no nodes here
and CronJobs no time. An object that two files define is installed once where both are equal; another
definition of the same workload is installed too, under a name of its own, and counted.
"""

import collections
import copy
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.rig.cluster import Cluster
from tests.support.paths import ROOT
from webhook.manifests import reader
from webhook.offline.check import TemplateVerdict

FOLDER = ROOT / os.environ.get("UPSTREAM_MANIFESTS", "../shared/upstream")
COUNTED = {
    "Deployment": "/apis/apps/v1/deployments",
    "StatefulSet": "/apis/apps/v1/statefulsets",
    "ReplicaSet": "/apis/apps/v1/replicasets",
    "Job": "/apis/batch/v1/jobs",
}
WORKLOADS = {*COUNTED, "DaemonSet", "CronJob"}
EARLIER = ("CustomResourceDefinition", "Namespace", "PriorityClass", "ClusterRole", "Role", "ServiceAccount")
SERVER_SIDE = ("--server-side", "--force-conflicts", "--validate=false")
WEAKNESS = ("restricted-v3", "restricted-v2", "restricted", "nonroot-v2", "nonroot", "anyuid", "privileged")
"""Of the SCCs that upstream's service accounts may use: the weaker of two admits what the other refuses."""
QUIET_SECONDS = 8  # a controller that was refused tries again within 5.1 s for its first ten times

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Namespace, kind and name of a workload."""


@dataclass(slots=True)
class Installed:
    """What became of a folder's workloads."""

    admitted: dict[Key, str] = field(default_factory=dict)
    """The SCC of a pod of each workload that got one."""
    refused: dict[Key, str] = field(default_factory=dict)
    """What its controller was told, of each that got none."""


def read(folder: Path) -> list[Object]:
    """Return a folder's or file's objects in the order of installation; those without a namespace go to `kubeflow`.

    Folders in it are left out: Open Data Hub's has one with the same objects as they were shipped.
    """
    found: dict[tuple[str, ...], list[Object]] = collections.defaultdict(list)
    documents = list(reader.read([str(file) for file in sorted(folder.glob("*.yaml")) or [folder]]))
    objects = [copy.deepcopy(obj) for document in documents for _, obj in document.objects()]
    wide = {o["spec"]["names"]["kind"] for o in objects if o["kind"] == EARLIER[0] and o["spec"]["scope"] == "Cluster"}
    wide |= {"CustomResourceDefinition", "Namespace", "PriorityClass", "ClusterRole", "ClusterRoleBinding"}
    for obj in objects:
        if obj["kind"] not in wide | {"PersistentVolume"}:
            obj["metadata"].setdefault("namespace", "kubeflow")
        group = obj["apiVersion"].split("/")[0]
        same = found[group, obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]]
        if obj not in same:
            same.append(obj)
    kept = []
    for (_, kind, _, name), same in found.items():
        kept += same if kind in WORKLOADS else same[-1:]
        for number, obj in enumerate(same[1:], 2):
            obj["metadata"]["name"] = f"{name}-v{number}" if kind in WORKLOADS else name
    rank = {kind: number for number, kind in enumerate(EARLIER)}
    return sorted(kept, key=lambda obj: rank.get(obj["kind"], len(rank) + (obj["kind"] in WORKLOADS)))


def apply(cluster: Cluster, objects: Iterable[Object], *arguments: str) -> str:
    """Apply objects with kubectl, CRDs first; return what it printed. Every error is a failed assertion."""
    objects, printed = list(objects), ""
    crds = [obj for obj in objects if obj["kind"] == EARLIER[0]]
    for some in (crds, [obj for obj in objects if obj["kind"] != EARLIER[0]]):
        if some:
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": some})
            done = cluster.kubectl("apply", *arguments, "-f", "-", send=text, check=False)
            assert done.returncode == 0, done.stderr[-3000:]
            printed += done.stdout + done.stderr
        if some is crds and crds:
            names = [f"crd/{obj['metadata']['name']}" for obj in crds]
            cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
    return printed


def judge(cluster: Cluster, objects: Iterable[Object]) -> Installed:
    """Wait until every counted workload has a pod, or those without were refused and nothing moves any more."""
    counted = {_key(obj) for obj in objects if obj["kind"] in COUNTED and _asks_for_pods(obj)}
    result, quiet_since = Installed(), time.monotonic()
    while True:
        pods, refusals = _pods(cluster), _refusals(cluster)
        admitted = {key: pods[key] for key in counted & pods.keys()}
        if len(admitted) > len(result.admitted):
            quiet_since = time.monotonic()
        refused = {key: refusals[key] for key in (counted & refusals.keys()) - admitted.keys()}
        result = Installed(admitted, refused)
        settled = len(admitted) + len(refused) == len(counted)
        if settled and (not refused or time.monotonic() - quiet_since > QUIET_SECONDS):
            return result
        assert time.monotonic() - quiet_since < 60, f"neither pod nor refusal: {counted - admitted.keys()}"
        time.sleep(0.5)


def generations(cluster: Cluster) -> dict[Key, int]:
    """Return the generation of every workload: it grows whenever a spec changes."""
    return {
        (item["metadata"]["namespace"], kind, item["metadata"]["name"]): item["metadata"]["generation"]
        for kind, path in {**COUNTED, "DaemonSet": "/apis/apps/v1/daemonsets"}.items()
        for item in _items(cluster, path)
        if kind != "ReplicaSet"
    }


def versions(cluster: Cluster) -> dict[str, str]:
    """Return the resourceVersion of every ConfigMap and role: it moves with every write that changes anything."""
    paths = (
        "/api/v1/configmaps",
        *(f"/apis/rbac.authorization.k8s.io/v1/{kind}" for kind in ("roles", "clusterroles")),
    )
    # Of an aggregated role a controller fills in the rules, and every apply of upstream's empty ones takes them away.
    metadata = (item["metadata"] for path in paths for item in _items(cluster, path) if "aggregationRule" not in item)
    return {f"{each.get('namespace')}/{each['name']}": each["resourceVersion"] for each in metadata}


def _key(obj: Object) -> Key:
    return obj["metadata"]["namespace"], obj["kind"], obj["metadata"]["name"]


def _asks_for_pods(obj: Object) -> bool:
    return obj["spec"].get("replicas", 1) != 0 and not obj["spec"].get("suspend")


def _items(cluster: Cluster, path: str) -> list[Object]:
    items: list[Object] = cluster.request("GET", path).body["items"]
    return items


def _owners(cluster: Cluster) -> dict[tuple[str, str], Key]:
    """Return the Deployment behind each ReplicaSet."""
    return {
        (item["metadata"]["namespace"], item["metadata"]["name"]): (item["metadata"]["namespace"], o["kind"], o["name"])
        for item in _items(cluster, COUNTED["ReplicaSet"])
        for o in item["metadata"].get("ownerReferences", ())
    }


def _pods(cluster: Cluster) -> dict[Key, str]:
    """Return the workloads that have a pod, with its SCC."""
    owners, found = _owners(cluster), {}
    for pod in _items(cluster, "/api/v1/pods"):
        namespace = pod["metadata"]["namespace"]
        for owner in pod["metadata"].get("ownerReferences", ()):
            key = owners.get((namespace, owner["name"]), (namespace, owner["kind"], owner["name"]))
            found[key] = pod["metadata"]["annotations"]["openshift.io/scc"]
    return found


def _refusals(cluster: Cluster) -> dict[Key, str]:
    """Return the workloads whose controller could not create a pod, with what it was told."""
    owners, found = _owners(cluster), {}
    for event in _items(cluster, "/api/v1/events"):
        if event.get("reason") == "FailedCreate":
            it = event["involvedObject"]
            key = owners.get((it["namespace"], it["name"]), (it["namespace"], it["kind"], it["name"]))
            found[key] = event["message"]
    return found


def missing_namespaces(cluster: Cluster, objects: Iterable[Object]) -> list[Object]:
    """Return the namespaces that objects name and nobody defines, as an installer makes them beforehand."""
    objects = list(objects)
    have = {item["metadata"]["name"] for item in _items(cluster, "/api/v1/namespaces")}
    have |= {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Namespace"}
    named = {obj["metadata"]["namespace"] for obj in objects if "namespace" in obj["metadata"]}
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(named - have)]


def named(templates: list[TemplateVerdict], when: str) -> dict[Key, str | None]:
    """Return who admits each workload's pods, by namespace, kind and name as the rig names them."""
    found: dict[Key, str | None] = {}
    for each in (each for each in templates if each.workload):
        base = (each.namespace, each.kind.partition(".")[0], each.name)
        again = [
            key for key in found if key[:2] == base[:2] and key[2].partition("-v")[0] == base[2].partition("-v")[0]
        ]
        key = base if base not in found else (*base[:2], f"{base[2]}-v{len(again) + 1}")
        found[key] = getattr(each, when).admitted_by
    return found


def install_all(cluster: Cluster, objects: list[Object]) -> Installed:
    """Apply objects, and say which workloads got a pod."""
    apply(cluster, [*missing_namespaces(cluster, objects), *objects], *SERVER_SIDE)
    return judge(cluster, objects)
