"""Record AdmissionReviews on the rig: `python -m tools.record` writes tests/fixtures/reviews/*.request.json.

The rig's API server sends its reviews to a recorder instead of the webhook, once in each version. Values that
differ from run to run are replaced, so that a second run writes the same bytes. `make update` writes the responses.
"""

import base64
import copy
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rig.cluster import CRDS, Cluster, running, wait
from tests.support.cases import FIXTURES, Case
from tests.support.installed import CONFIGURATIONS, mark_ready, namespace
from tests.support.other_webhook import answering
from tests.support.reviews import REVIEWS
from webhook.objects.model import Object

WHERE = "recorded"
RULES = {
    # what the file says: the fixture whose object shows a rule
    "access-mode": "access-mode/sets-read-write-once-in-a-claim",
    "argo-executor": "argo-executor/drops-65532-of-pipelines-2",
    "dedicated-service-account": "dedicated-service-account/sets-minio",
    "finalizers": "finalizers/adds-them-to-a-role-that-creates",
    "istio-injection": "istio-injection/drops-it-from-a-profile-namespace",
    "low-port": "unprivileged-port/adds-it-for-the-webhook-of-katib-0-7",
    "of-0-7": "writable-directory/adds-the-home-of-a-notebook-of-0-7",
    "outputs": "output-directory/adds-it-in-a-template-with-its-own-security-context",
    "own-user": "run-as-user/drops-it-at-both-levels",
    "privileged": "unneeded-privilege/drops-both-from-metacontroller-0-3",
    "seldon-operator": "seldon-engine-user/drops-engine-container-user-of-0-4-1",
    "user-and-group": "run-as-group/drops-the-group-of-the-pod-with-its-user",
    "user-namespace": "user-namespace/sets-it-where-the-configuration-names-namespace-and-image",
}
GENERATED = (
    # of one machine or one run: what stands instead
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "2026-01-01T00:00:00Z"),
    (re.compile(r'(?<="resourceVersion": ")\d+'), "1"),
    (re.compile(r"(?<=X509SHA256=)[0-9a-f]{64}"), "0" * 64),
    (re.compile(r"(?<=kube-api-access-)[a-z0-9]{5}"), "00000"),
)
UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Wanted:
    """A review to keep: what the API server asks, of which object, and the words at the end of the file's name."""

    operation: str
    kind: str
    name: str
    """Of the object; of a Pod that a controller creates, what its generated name starts with."""
    what: str = ""
    versions: tuple[str, ...] = ("v1", "v1beta1")

    def is_it(self, request: Object) -> bool:
        """Check whether a request is the one."""
        name = request.get("name") or request["object"]["metadata"].get("generateName")
        called = request["kind"]["kind"], request["operation"]
        named = str(name).startswith(self.name) if self.name.endswith("-") else name == self.name
        return called == (self.kind, self.operation) and named


WANTED = (
    Wanted("CREATE", "StatefulSet", "database", "patched"),
    Wanted("UPDATE", "StatefulSet", "database", "patched"),
    Wanted("DELETE", "StatefulSet", "database", "unchanged"),
    Wanted("CREATE", "Deployment", "web", "unchanged"),
    Wanted("CREATE", "Deployment", "granted", "patched"),
    Wanted("UPDATE", "Deployment", "granted", "running-unchanged"),
    Wanted("CREATE", "Deployment", "tried", "dry-run-patched"),
    Wanted("CREATE", "Job", "once", "patched"),
    Wanted("CREATE", "Pod", "web-", "unchanged"),
    Wanted("UPDATE", "Pod", "web-", "ephemeralcontainers-unchanged"),
    Wanted("CREATE", "Pod", "injected-", "sidecar-patched"),
    Wanted("CREATE", "Notebook", "of-v1", "patched"),
    Wanted("CREATE", "Notebook", "of-v1beta1", "asked-in-v1beta1-patched"),
)
"""Beside one for each of RULES."""


def workload(kind: str, name: str, spec: Object, **more: Any) -> Object:
    """Return a Deployment, StatefulSet or Job of one container."""
    labels = {"app": name}
    selector = {} if kind == "Job" else {"selector": {"matchLabels": labels}}
    pod = {"containers": [{"name": "main", "image": "image:1"}], **spec}
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": WHERE},
        "spec": {**selector, **more, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def notebook(name: str, version: str) -> Object:
    """Return a Notebook of a version; the recorder is registered for v1 alone."""
    spec = {"containers": [{"name": name, "image": "jupyter-scipy:v1.9"}]}
    metadata = {"name": name, "namespace": WHERE}
    template = {"template": {"spec": spec}}
    return {"apiVersion": f"kubeflow.org/{version}", "kind": "Notebook", "metadata": metadata, "spec": template}


def serve(cluster: Cluster, kind: str, group: str, *versions: str) -> None:
    """Have the API server serve a kind in some versions, the first of which it stores."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    plural = f"{kind.lower()}s"
    each = [{"name": name, "served": True, "storage": name == versions[0], "schema": {"openAPIV3Schema": schema}}
            for name in versions]  # fmt: skip
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    spec = {"group": group, "names": names, "scope": "Namespaced", "versions": each}
    cluster.make(CRDS, {"metadata": {"name": f"{plural}.{group}"}, "spec": spec})
    served = [f"/apis/{group}/{version}/{plural}" for version in versions]
    wait(lambda: all(cluster.request("GET", path).status == 200 for path in served), plural)


def configuration(name: str, client: dict[str, str], paths: tuple[str, ...], **of_pods: Any) -> Object:
    """Return a configuration that sends what rules come for to a path for each version, or pods to another webhook."""
    every = {"operations": ["CREATE", "UPDATE", "DELETE"], "apiVersions": ["*"]}
    rules = [
        {**every, "apiGroups": [""], "resources": ["pods", "pods/ephemeralcontainers", "configmaps", "namespaces",
                                                    "persistentvolumeclaims"]},
        {**every, "apiGroups": ["apps", "batch", "argoproj.io", "rbac.authorization.k8s.io"],
         "resources": ["deployments", "statefulsets", "jobs", "workflows", "roles"]},
        {**every, "apiGroups": ["kubeflow.org"], "apiVersions": ["v1"], "resources": ["notebooks"]},
    ]  # fmt: skip
    platform = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["default", "kube-system"]}
    webhooks = [
        {
            "name": f"{path}.{name}.example.com",
            "admissionReviewVersions": ["v1beta1" if path == "v1beta1" else "v1"],
            "clientConfig": {**client, "url": f"{client['url']}/{path}"},
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "matchPolicy": "Equivalent",
            "namespaceSelector": {"matchExpressions": [platform]},
            "rules": rules,
            **of_pods,
        }
        for path in paths
    ]
    return {"metadata": {"name": name}, "webhooks": webhooks}


def inject(_path: str, _body: bytes) -> Object:
    """Answer as a webhook does that adds a container with a user of its own, such as Katib's or Istio's."""
    sidecar = {"name": "sidecar", "image": "sidecar:1", "securityContext": {"runAsUser": 1337}}
    patch = json.dumps([{"op": "add", "path": "/spec/containers/-", "value": sidecar}])
    return {"patchType": "JSONPatch", "patch": base64.b64encode(patch.encode()).decode()}


def play(cluster: Cluster) -> None:
    """Do what causes the reviews."""

    def apply(obj: Object, *arguments: str) -> None:
        cluster.kubectl("apply", *arguments, "-f", "-", send=json.dumps(obj))

    def status(kind: str, name: str, field: str) -> Any:
        return cluster.request("GET", f"/apis/apps/v1/namespaces/{WHERE}/{kind}/{name}").body["status"].get(field)

    database = workload("StatefulSet", "database", {"securityContext": {"fsGroup": 999}}, serviceName="database")
    apply(database)
    wait(lambda: status("statefulsets", "database", "observedGeneration"), "status")
    touched = copy.deepcopy(database)
    touched["spec"]["template"]["metadata"]["annotations"] = {"touched": "yes"}
    apply(touched)
    cluster.kubectl("delete", "statefulset", "database", "-n", WHERE)

    cluster.make(f"/api/v1/namespaces/{WHERE}/serviceaccounts", {"metadata": {"name": "granted"}})
    cluster.kubectl("create", "rolebinding", "granted", "-n", WHERE, f"--serviceaccount={WHERE}:granted",
                    "--clusterrole=system:openshift:scc:anyuid")  # fmt: skip
    for name in ("web", "injected"):
        apply(workload("Deployment", name, {}))
    user = {"securityContext": {"runAsUser": 999, "fsGroup": 999}}
    apply(workload("Deployment", "granted", {"serviceAccountName": "granted", **user}))
    pods = f"/api/v1/namespaces/{WHERE}/pods"
    wait(lambda: all(status("deployments", name, "replicas") for name in ("web", "granted")), "pods")
    mark_ready(cluster, f"{pods}?labelSelector=app=granted")
    wait(lambda: status("deployments", "granted", "readyReplicas"), "ready pod")
    cluster.kubectl("label", "deployment", "granted", "-n", WHERE, "touched=yes")
    apply(workload("Deployment", "tried", {"securityContext": {"runAsUser": 1000}}), "--dry-run=server")
    apply(workload("Job", "once", {"securityContext": {"fsGroup": 100}, "restartPolicy": "Never"}))
    apply(notebook("of-v1", "v1"))
    apply(notebook("of-v1beta1", "v1beta1"))
    pod = cluster.request("GET", f"{pods}?labelSelector=app=web").body["items"][0]["metadata"]["name"]
    cluster.kubectl("debug", pod, "-n", WHERE, "--image=busybox:1", "--container=debug", "--attach=false", "--quiet")


def play_rules(cluster: Cluster) -> Iterator[Wanted]:
    """Create the object of each rule's fixture; yield the review that it causes."""
    for what, folder in RULES.items():
        obj = Case(FIXTURES / folder).document().value
        cluster.kubectl("create", "-f", "-", send=json.dumps(obj))
        yield Wanted("CREATE", obj["kind"], obj["metadata"]["name"], f"{what}-patched", ("v1",))


def reproducible(review: Object) -> str:
    """Write a review with what is of this run alone replaced."""
    text = json.dumps(review, indent=1)
    for pattern, instead in GENERATED:
        text = pattern.sub(instead, text)
    for prefix in set(re.findall(r'"generateName": "([^"]+)"', text)):
        text = re.sub(rf"(?<={re.escape(prefix)})[a-z0-9]{{5}}(?=\")", "00000", text)
    known: dict[str, str] = {}
    return UID.sub(lambda uid: known.setdefault(uid[0], f"00000000-0000-4000-8000-{len(known):012}"), text) + "\n"


def matching(seen: list[Object], version: str, wanted: Wanted) -> list[Object]:
    """Return the reviews of a version that are wanted."""
    of_version = (review for review in seen if review["apiVersion"] == f"admission.k8s.io/{version}")
    return [review for review in of_version if wanted.is_it(review["request"])]


def main() -> None:
    """Record everything again."""
    seen: list[Object] = []

    def record(_path: str, body: bytes) -> Object:
        seen.append(json.loads(body))
        return {}

    with tempfile.TemporaryDirectory() as folder, running(f"{folder}/rig") as cluster:
        serve(cluster, "Notebook", "kubeflow.org", "v1", "v1beta1")
        serve(cluster, "Workflow", "argoproj.io", "v1alpha1")
        with answering(inject, Path(folder)) as other, answering(record, Path(folder)) as client:
            of_pods = {"rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"],
                                  "operations": ["CREATE"]}],
                       "objectSelector": {"matchLabels": {"app": "injected"}}}  # fmt: skip
            cluster.make(CONFIGURATIONS, configuration("other", other, ("inject",), **of_pods))
            for name in (WHERE, "kubeflow"):
                namespace(cluster, name)
            cluster.make(CONFIGURATIONS, configuration("recorder", client, ("v1", "v1beta1")))
            probe = ("POST", "/api/v1/namespaces?dryRun=All", {"metadata": {"name": "probe"}})
            wait(lambda: cluster.request(*probe).status == 201 and seen, "review")
            play(cluster)
            wanted = [(version, each) for each in (*WANTED, *play_rules(cluster)) for version in each.versions]
            wait(lambda: all(matching(seen, *key) for key in wanted), "review for each that is wanted")
    for old in REVIEWS.glob("*.request.json"):
        old.unlink()
    for version, each in wanted:
        name = f"{version}-{each.operation}-{each.kind}-{each.what}".lower()
        (REVIEWS / f"{name}.request.json").write_text(reproducible(matching(seen, version, each)[-1]))


if __name__ == "__main__":
    main()
