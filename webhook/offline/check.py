"""Will it be admitted? Every pod template of some manifests, without us and with us, judged by the model of SCC."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from webhook.admission import engine
from webhook.manifests.reader import Document
from webhook.objects.model import Finding, Object, Pointer, UnknownShape, lookup, mapping, pointer
from webhook.offline.fix import request_for
from webhook.scc.admission import Verdict, judge, smallest
from webhook.scc.grants import Grants, read
from webhook.scc.ranges import EXAMPLE, Ranges, of_namespace
from webhook.settings.model import Settings
from webhook.workloads.find import pod_specs
from webhook.workloads.pod import POD_SPEC, Pod, Shape

COUNTED: Final = {"Deployment.apps", "StatefulSet.apps", "ReplicaSet.apps", "ReplicationController", "Job.batch", "Pod"}
"""Kinds that make pods at once: what an installation shows as running or not."""


@dataclass(frozen=True, slots=True)
class Template:
    """One pod template: where it is, who admits its pods without us and with us, and what the rules changed."""

    file: str
    line: int
    kind: str
    namespace: str
    name: str
    path: str
    """JSON pointer of the pod template in its object."""
    account: str
    workload: bool
    """Whether its object is a workload that asks for pods at once."""
    before: Verdict
    after: Verdict
    findings: tuple[Finding, ...]
    smallest: str | None
    """The most restrictive default SCC that would admit what stays refused."""


@dataclass(slots=True)
class Cluster:
    """What is known of the cluster: who may use which SCC, and what is allocated to namespaces."""

    grants: Grants
    ranges: Ranges = EXAMPLE
    of_namespaces: dict[str, Ranges] = field(default_factory=dict)
    not_judged: list[str] = field(default_factory=list)
    """What has pods in a shape that nobody can read, a line each."""

    def judge(self, pod: Object, namespace: str, account: str) -> Verdict:
        """Judge a pod as OpenShift would in a namespace, for a service account."""
        if lookup(pod, ("spec", "os", "name")) == "windows":
            return Verdict("none: SCC leaves Windows alone", {}, pod)
        return judge(pod, self.grants.usable(namespace, account), self.of_namespaces.get(namespace, self.ranges))


def check(documents: Iterable[Document], settings: Settings, cluster: Cluster) -> Iterator[Template]:
    """Yield every pod template of some documents, with OpenShift's verdict before and after the rules."""
    documents = list(documents)
    objects = [obj for document in documents for _, obj in document.objects()]
    read(objects, cluster.grants)
    for obj in objects:
        if obj.get("kind") == "Namespace" and "openshift.io/sa.scc.uid-range" in str(obj.get("metadata")):
            cluster.of_namespaces[str(lookup(obj, ("metadata", "name")))] = of_namespace(obj)
    seen: dict[str, list[Object]] = {}
    for document in documents:
        for at, obj in document.objects():
            named = (obj.get("kind"), lookup(obj, ("metadata", "namespace")), lookup(obj, ("metadata", "name")))
            alike = seen.setdefault(str(named), [])
            if obj not in alike:  # an object that two files define alike is one object
                alike.append(obj)
                yield from _of_object(document, at, obj, settings, cluster)


def _of_object(
    document: Document, at: Pointer, obj: Object, settings: Settings, cluster: Cluster
) -> Iterator[Template]:
    request = request_for(obj)
    outcome = engine.evaluate(request, settings)
    try:
        specs = list(pod_specs(obj, request.kind))
        for spec_at, shape in specs:
            namespace = request.namespace or "default"
            before, account = made(obj, spec_at, shape, settings)
            after, later_account = made(outcome.object or obj, spec_at, shape, settings)
            verdict = cluster.judge(after, namespace, later_account)
            inside = pointer(spec_at)
            yield Template(
                document.file,
                document.line_of((*at, *spec_at)),
                request.kind,
                namespace,
                request.name,
                inside.removesuffix("/spec") if shape.containers == POD_SPEC.containers else inside,
                later_account,
                request.kind in COUNTED and _asks_for_pods(obj),
                cluster.judge(before, namespace, account),
                verdict,
                tuple(f for f in outcome.findings if f.path.startswith(inside + "/") or not len(specs) > 1),
                None if verdict.admitted_by else smallest(after, cluster.of_namespaces.get(namespace, cluster.ranges)),
            )
    except UnknownShape as error:
        where = f"{document.file}:{document.line_of(at)}"
        cluster.not_judged.append(f"{where}: {request.kind} {request.name}: not judged: {error}")


def made(obj: Object, at: Pointer, shape: Shape, settings: Settings) -> tuple[Object, str]:
    """Make a Pod of a pod spec, or of what stands for one, as its controller does; and name its service account."""
    view = Pod(obj, at, shape, settings)
    pod = view.made(*view.parts())  # parts are judged as one: what SCC rejects one for, it rejects
    if obj.get("kind") == "Notebook" and lookup(obj, (*at, shape.context)) is None:
        pod["spec"]["securityContext"] = {"fsGroup": 100}  # what the notebook controller adds
    return pod, view.account(view.parts()[0])


def _asks_for_pods(obj: Object) -> bool:
    spec = mapping(obj, ("spec",))
    return spec.get("replicas", 1) != 0 and spec.get("suspend") is not True
