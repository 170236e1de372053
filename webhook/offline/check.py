"""Judge every pod template in manifests with the SCC model, before and after the webhook."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from webhook.admission import engine
from webhook.admission.review import request_for_manifest
from webhook.manifests.reader import Document
from webhook.objects.model import (
    Finding,
    Object,
    Pointer,
    Request,
    Result,
    UnknownShape,
    dotted,
    lookup,
    mapping,
    pointer,
)
from webhook.offline.reasons import field_of, reasons
from webhook.offline.unknown import pod_spec_at
from webhook.scc.admission import BY_RESTRICTION, Verdict, judge, smallest
from webhook.scc.grants import Grants, read
from webhook.scc.ranges import EXAMPLE, Ranges, of_namespace
from webhook.settings.model import Settings
from webhook.settings.scopes import sends
from webhook.workloads.find import find_pod_specs
from webhook.workloads.kinds import KINDS, kind_of
from webhook.workloads.pod import POD_SPEC, PodView, Shape

COUNTED: Final = {"Deployment.apps", "StatefulSet.apps", "ReplicaSet.apps", "ReplicationController", "Job.batch", "Pod"}
"""Kinds whose controllers create pods at once."""
PROFILE_LABELS: Final = {"app.kubernetes.io/part-of": "kubeflow-profile"}
"""What the profile controller puts on a profile's namespace."""


@dataclass(frozen=True, slots=True)
class TemplateVerdict:
    """One pod template: its location, the SCC verdicts before and after the webhook, and the findings."""

    file: str
    line: int
    kind: str
    namespace: str
    name: str
    path: str
    """The JSON pointer of the pod template in its object."""
    account: str
    workload: bool
    """Whether its object is a workload that creates pods at once."""
    before: Verdict
    after: Verdict
    findings: tuple[Finding, ...]
    lines: tuple[int, ...]
    """The line of the field that each finding is about."""
    smallest: str | None
    """The most restrictive default SCC of the cluster that admits the pod, if no usable SCC does."""
    warnings: tuple[str, ...]
    """The webhook's warnings about the object."""
    reason_lines: tuple[int, ...]
    """The line of the field that each of the reasons names, if the pod stays rejected."""
    asked: bool
    """Whether the API server sends the object to the webhook; a Pod never, if SCC rejects it."""


@dataclass(frozen=True, slots=True)
class NotJudged:
    """An object with pods that no verdict is possible on, or a file that cannot be read."""

    file: str
    line: int
    kind: str
    """The object's kind; "" for a file."""
    name: str
    why: str

    def __str__(self) -> str:
        """Return one line for standard error."""
        of_object = f"{self.kind} {self.name}: not judged: " if self.kind else ""
        return f"{self.file}:{self.line}: {of_object}{self.why}"


@dataclass(slots=True)
class Cluster:
    """The cluster's SCC grants and namespace ranges."""

    grants: Grants
    ranges: Ranges = EXAMPLE
    of_namespaces: dict[str, Ranges] = field(default_factory=dict)
    not_judged: list[NotJudged] = field(default_factory=list)
    """The objects with pods in an unknown shape, or of an unknown kind."""
    labels: dict[str, Mapping[str, object]] = field(default_factory=dict)
    """The labels of each namespace that the input defines."""
    all_namespaces: bool = True
    """Whether to assume that the webhook is asked about every namespace."""
    default_namespace: str = "default"

    def asks(self, kind: str, namespace: str) -> bool:
        """Check whether the API server sends objects of a kind in a namespace to the webhook."""
        everywhere = self.all_namespaces or not (kind in KINDS and KINDS[kind].namespaced)
        return everywhere or sends(namespace, self.labels.get(namespace, {}))

    def judge_all(self, pods: Iterable[tuple[Object, str]], namespace: str) -> Verdict:
        """Return the verdict on pods with their accounts: a rejection, or else the one by the least restrictive SCC."""
        verdicts = [self.judge(pod, namespace, account) for pod, account in pods]
        return max(verdicts, key=lambda each: (not each.admitted_by, _privilege(each)))

    def judge(self, pod: Object, namespace: str, account: str) -> Verdict:
        """Return the verdict on a pod in a namespace under a service account."""
        if lookup(pod, ("spec", "os", "name")) == "windows":
            return Verdict("none: SCC leaves Windows alone", {}, pod)
        return judge(pod, self.grants.usable(namespace, account), self.ranges_of(namespace))

    def ranges_of(self, namespace: str) -> Ranges:
        """Return the ranges of a namespace."""
        return self.of_namespaces.get(namespace, self.ranges)


def _privilege(verdict: Verdict) -> int:
    known = verdict.admitted_by in BY_RESTRICTION
    return BY_RESTRICTION.index(str(verdict.admitted_by)) if known else len(BY_RESTRICTION)


def check(documents: Iterable[Document], settings: Settings, cluster: Cluster) -> Iterator[TemplateVerdict]:
    """Yield the verdicts on every pod template in the documents."""
    documents = list(documents)
    objects = [obj for document in documents for _, obj in document.objects()]
    read(objects, cluster.grants)
    for obj in objects:
        _read_namespace(obj, cluster)
    seen: dict[str, list[Object]] = {}
    for document in documents:
        for at, obj in document.objects():
            named = (obj.get("kind"), lookup(obj, ("metadata", "namespace")), lookup(obj, ("metadata", "name")))
            alike = seen.setdefault(str(named), [])
            if obj not in alike:  # files may repeat an object
                alike.append(obj)
                yield from _of_object(document, at, obj, settings, cluster)


def _read_namespace(obj: Object, cluster: Cluster) -> None:
    """Keep the labels and ranges of a Namespace, or of the one that the profile controller creates."""
    name, labels = str(lookup(obj, ("metadata", "name"))), lookup(obj, ("metadata", "labels"))
    if obj.get("kind") == "Profile":
        cluster.labels[name] = PROFILE_LABELS
    elif obj.get("kind") == "Namespace":
        cluster.labels.setdefault(name, labels if isinstance(labels, dict) else {})
        if "openshift.io/sa.scc.uid-range" in str(obj.get("metadata")):
            cluster.of_namespaces[name] = of_namespace(obj)


def _of_object(
    document: Document, at: Pointer, obj: Object, settings: Settings, cluster: Cluster
) -> Iterator[TemplateVerdict]:
    request = request_for_manifest(_in_namespace(obj, cluster))
    obj = request.object or {}
    # SCC rejects a bare Pod before any webhook sees it, and completes one that it admits.
    is_pod, asked = request.kind == "Pod", cluster.asks(request.kind, request.namespace)
    namespace = request.namespace or cluster.default_namespace  # of the pods
    outcome = engine.evaluate(request, settings) if asked and not is_pod else Result(obj)
    try:
        specs = list(pod_templates(obj, request.kind, settings))
        for spec_at, shape, parts in specs:  # of the object as it was: a rule may give a part IDs of its own
            pods = [as_pods(each, spec_at, shape, settings, parts) for each in (obj, outcome.object or obj)]
            before, after = (cluster.judge_all(each, namespace) for each in pods)
            needy = [each for each in pods[1] if not cluster.judge_all([each], namespace).admitted_by]
            inside = pointer(spec_at)
            findings = tuple(f for f in outcome.findings if f.path.startswith(inside + "/") or not len(specs) > 1)
            yield TemplateVerdict(
                document.file,
                document.line_of((*at, *spec_at)),
                request.kind,
                request.namespace,
                request.name or str(lookup(obj, ("metadata", "generateName")) or ""),
                inside.removesuffix("/spec") if shape.containers == POD_SPEC.containers else inside,
                (needy or pods[1])[0][1],
                request.kind in COUNTED and _creates_pods(obj),
                before,
                after,
                findings,
                tuple(document.line_of((*at, *finding.at)) for finding in findings),
                least([pod for pod, _ in needy], cluster.ranges_of(namespace), cluster.grants.sccs),
                tuple(outcome.warnings),
                tuple(document.line_of((*at, *spec_at, *field_of(reason))) for reason in reasons(after)),
                asked and not (is_pod and not before.admitted_by),
            )
        if request.kind not in KINDS and (unknown := pod_spec_at(obj)) is not None:
            why = f"its kind is unknown, and {dotted(unknown) or 'the object'} looks like a pod spec"
            _not_judged(cluster, document, (*at, *unknown), request, why)
    except UnknownShape as error:
        _not_judged(cluster, document, at, request, str(error))


def _not_judged(cluster: Cluster, document: Document, at: Pointer, request: Request, why: str) -> None:
    cluster.not_judged.append(NotJudged(document.file, document.line_of(at), request.kind, request.name, why))


def _in_namespace(obj: Object, cluster: Cluster) -> Object:
    """Return an object as the API server stores it: in a namespace, unless its kind has none."""
    metadata, facts = obj.get("metadata"), KINDS.get(kind_of(obj.get("apiVersion"), obj.get("kind")))
    if not facts or not isinstance(metadata, dict):
        return obj
    namespace = (metadata.get("namespace") or cluster.default_namespace) if facts.namespaced else None
    return {**obj, "metadata": {**metadata, "namespace": namespace}}


def pod_templates(obj: Object, kind: str, settings: Settings) -> Iterator[tuple[Pointer, Shape, list[Pointer]]]:
    """Yield each pod template with its parts. A workflow whose templates inherit nothing is not one."""
    specs = list(find_pod_specs(obj, kind))
    for at, shape in specs:
        parts = PodView(obj, at, shape, settings).parts()
        inside = any(other[: len(at)] == at != other for other, _ in specs)
        if not (shape.parts and parts == [at] and inside):
            yield at, shape, parts


def as_pods(
    obj: Object, at: Pointer, shape: Shape, settings: Settings, parts: Sequence[Pointer]
) -> list[tuple[Object, str]]:
    """Return the Pods that a controller creates from the parts of a pod template, each with its service account."""
    of_all, pods = PodView(obj, at, shape, settings), []
    for part in parts:
        view = (
            of_all if part == at else PodView(obj, part, replace(shape, parts=(), above=len(part) - len(at)), settings)
        )
        pod = view.made(part)
        if part != at and lookup(obj, (*part, shape.context)) is None:
            pod["spec"]["securityContext"] = of_all.security_context()[1]
        if obj.get("kind") == "Notebook" and lookup(obj, (*at, shape.context)) is None:
            pod["spec"]["securityContext"] = {"fsGroup": 100}  # the notebook controller's default
        pods.append((pod, view.account(part)))
    return pods


def least(pods: Sequence[Object], ranges: Ranges, among: Container[str]) -> str | None:
    """Return the most restrictive default SCC among some that admits all pods; None if there is none, or no pod."""
    each = [smallest(pod, ranges, among) for pod in pods]
    return max((scc for scc in each if scc), key=BY_RESTRICTION.index, default=None) if all(each) else None


def _creates_pods(obj: Object) -> bool:
    spec = mapping(obj, ("spec",))
    return spec.get("replicas", 1) != 0 and spec.get("suspend") is not True
