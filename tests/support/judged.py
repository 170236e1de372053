"""What happens to pods on two clusters that differ only by the webhook, and what `check` says of the same objects."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.rig.cluster import Cluster, wait
from tests.support import made
from tests.support.installed import crd
from webhook.manifests import reader
from webhook.objects.model import Object, pointer
from webhook.offline import check
from webhook.scc.grants import Grants
from webhook.settings.model import Settings
from webhook.workloads.find import find_pod_specs
from webhook.workloads.kinds import KINDS, group_of, kind_of
from webhook.workloads.pod import PodView

CREATOR = "system:serviceaccount:kube-system:replicaset-controller"
"""Creates the pods: an administrator may use every SCC, a controller only those that everyone may."""
BUILT_IN = ("", "apps", "batch", "rbac.authorization.k8s.io")
WITH_PODS = tuple(kind for kind, facts in KINDS.items() if facts.pods or facts.objects)
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Invalid(Exception):
    """The API server does not accept an object, whatever SCC says of it."""


def model() -> check.Cluster:
    """Return what `check` knows of a cluster that nobody told it of."""
    return check.Cluster(Grants(), all_namespaces=False)


@dataclass(slots=True)
class Both:
    """A cluster without the webhook, one with it, and the model of both that `check` has."""

    before: Cluster
    after: Cluster
    model: check.Cluster = field(default_factory=model)
    accounts: set[tuple[str, str]] = field(default_factory=set)

    def serve(self, versions: Iterable[tuple[str, str]]) -> None:
        """Have both serve every custom kind with pods, without schemas, in these versions and in v1."""
        versions = list(versions)
        for kind in WITH_PODS:
            if group_of(kind) in BUILT_IN:
                continue
            scope = "Namespaced" if KINDS[kind].namespaced else "Cluster"
            definition = crd(kind.partition(".")[0], KINDS[kind].resource, scope, group_of(kind))
            [first] = definition["spec"]["versions"]
            more = sorted({version for of, version in versions if of == kind} - {"v1"})
            definition["spec"]["versions"] += [{**first, "name": version, "storage": False} for version in more]
            for cluster in (self.before, self.after):
                cluster.make(CRDS, definition)
        wait(lambda: all(map(_all_established, (self.before, self.after))), "established kinds")

    def tell(self, objects: Iterable[Object]) -> None:
        """Have `check` read objects that are not judged: namespaces, roles and bindings."""
        list(check.check(documents(objects), Settings(), self.model))

    def said(self, obj: Object) -> list[check.TemplateVerdict]:
        """Return what `check` says of an object."""
        return list(check.check(documents([obj]), Settings(), self.model))

    def happens(self, obj: Object, namespace: str) -> Iterator[tuple[str, list[str | None]]]:
        """Yield for each pod template of an object its pointer, and the SCCs of its pods before and after.

        The SCC is None if one of the pods is rejected. Raises Invalid.
        """
        if obj["kind"] == "Pod":
            yield "", [self._admits(cluster, obj, namespace) for cluster in (self.before, self.after)]
            return
        stored = [_stored(cluster, obj, namespace) for cluster in (self.before, self.after)]
        for at, shape in find_pod_specs(stored[0], kind_of(obj["apiVersion"], obj["kind"])):
            parts = PodView(stored[0], at, shape, Settings()).parts() if shape.parts else [at]
            sccs: list[str | None] = []
            for cluster, kept in zip((self.before, self.after), stored, strict=True):
                of_pods = [self._admits(cluster, pod, namespace) for pod in made.pods(kept, at, shape, parts)]
                if not of_pods:
                    break
                sccs.append(None if None in of_pods else "+".join(sorted({scc for scc in of_pods if scc})))
            if sccs:
                yield pointer(at), sccs

    def _admits(self, cluster: Cluster, pod: Object, namespace: str) -> str | None:
        """Return the SCC that admits a pod, or None. Raises Invalid."""
        account = pod["spec"].get("serviceAccountName") or pod["spec"].get("serviceAccount") or "default"
        if (namespace, account) not in self.accounts:
            for each in (self.before, self.after):
                path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
                assert each.request("POST", path, {"metadata": {"name": account}}).status in {201, 409}
            self.accounts.add((namespace, account))
        answer = cluster.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod, user=CREATOR)
        if answer.status == 201:
            return str(answer.body["metadata"]["annotations"]["openshift.io/scc"])
        if answer.status == 403 and "security context constraint" in answer.body["message"]:
            return None
        raise Invalid(answer.body["message"])


def documents(objects: Iterable[Object]) -> list[reader.Document]:
    return [each for obj in objects for each in reader.documents(json.dumps(obj), "-")]


def _stored(cluster: Cluster, obj: Object, namespace: str) -> Object:
    """Return an object as the API server would store it. Raises Invalid."""
    facts = KINDS[kind_of(obj["apiVersion"], obj["kind"])]
    where = f"namespaces/{namespace}/" if facts.namespaced else ""
    root = "apis" if "/" in obj["apiVersion"] else "api"
    metadata: dict[str, Any] = {**obj["metadata"], "namespace": namespace if facts.namespaced else None}
    path = f"/{root}/{obj['apiVersion']}/{where}{facts.resource}?dryRun=All"
    answer = cluster.request("POST", path, {**obj, "metadata": metadata})
    if answer.status != 201:
        raise Invalid(answer.body.get("message"))
    return answer.body


def _all_established(cluster: Cluster) -> bool:
    conditions = [each["status"].get("conditions") or () for each in cluster.request("GET", CRDS).body["items"]]
    return all(any(c["type"] == "Established" and c["status"] == "True" for c in each) for each in conditions)
