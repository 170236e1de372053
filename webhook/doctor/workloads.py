"""Diagnose the workloads: which are rejected now, in which words, and which command has them admitted."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from webhook.admission import engine
from webhook.admission.review import request_for_manifest
from webhook.doctor.installation import Diagnosis, entries_of, selects
from webhook.doctor.state import State
from webhook.objects.model import BadInput, Object, Request, Result, UnknownShape, lookup, mapping, sequence
from webhook.offline.check import Cluster, as_pods, least, pod_templates
from webhook.offline.errors import NOT_USABLE
from webhook.offline.explain import refusals
from webhook.offline.reasons import brief
from webhook.scc.grants import OF_SCC, Grants, read
from webhook.scc.ranges import of_namespace
from webhook.settings.model import Settings
from webhook.settings.scopes import NAMESPACE, OPT_IN_LABEL, sends
from webhook.workloads.kinds import KINDS, group_of, kind_of
from webhook.workloads.rejected import IN_WORDS_OF_SCC

RESTARTABLE: Final = ("Deployment.apps", "StatefulSet.apps", "DaemonSet.apps")
SAY_IT: Final = ("Deployment.apps", "ReplicaSet.apps", "ReplicationController", "DeploymentConfig.apps.openshift.io")
"""Kinds whose condition ReplicaFailure has SCC's words for as long as SCC rejects their pods."""
GRANTS: Final = ("SecurityContextConstraints", "ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding")
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def cluster_of(state: State, settings: Settings) -> Cluster:
    """Return the grants and namespace ranges of the cluster, for the SCC model."""
    cluster = Cluster(Grants.of(settings.everyone))
    read([obj for kind in GRANTS for obj in state.objects.get(kind, ())], cluster.grants)
    for space in state.objects.get("namespaces", ()):
        try:
            cluster.of_namespaces[space["metadata"]["name"]] = of_namespace(space)
        except BadInput:
            continue  # not allocated yet
    return cluster


def not_asked(state: State, settings: Settings, cluster: Cluster) -> Iterator[Diagnosis]:
    """Name the namespaces with workloads that the webhook would save if it were asked."""
    labels = {each["metadata"]["name"]: mapping(each, ("metadata", "labels")) for each in state.objects["namespaces"]}
    found: dict[str, list[str]] = {}
    for obj in [*(obj for obj, _ in _rejected(state)), *_of_kubeflow(state)]:
        space = obj["metadata"]["namespace"]
        if not _left_alone(obj, settings) and not _asked(state, space, labels.get(space, {})):
            with suppress(UnknownShape):
                created = engine.evaluate(request_for_manifest(obj), settings)
                if _refused(obj, settings, cluster) and not _refused(created.object, settings, cluster):
                    found.setdefault(space, []).append(_named(obj))
    for space, names in sorted(found.items()):
        saved = ", ".join(dict.fromkeys(names))
        says = f"the webhook is not asked about namespace {space}, where it would save {saved}"
        yield Diagnosis("namespace", says, f"oc label namespace {space} {OPT_IN_LABEL}=enabled")


def _asked(state: State, namespace: str, labels: Object) -> bool:
    """Check whether the registered configuration, or else this version's, selects a namespace."""
    selectors = [each.get("namespaceSelector") for each in entries_of(state) if each["name"].startswith("workloads.")]
    if not selectors:
        return sends(namespace, labels)
    labels = {"kubernetes.io/metadata.name": namespace, **labels}
    return any(selector and selects(selector, labels) for selector in selectors)


def _of_kubeflow(state: State) -> Iterator[Object]:
    """Yield the workloads that belong to Kubeflow by label or owner."""
    for obj in (obj for kind in RESTARTABLE for obj in state.objects.get(kind, ())):
        owners = [str(each.get("apiVersion")) for each in sequence(obj, ("metadata", "ownerReferences"))]
        part = str(lookup(obj, ("metadata", "labels", "app.kubernetes.io/part-of")))
        if part.startswith("kubeflow") or any("kubeflow.org/" in owner for owner in owners):
            yield obj


def _left_alone(obj: Object, settings: Settings) -> bool:
    space = obj["metadata"]["namespace"]
    return space == NAMESPACE or settings.exempts(space)


def rejections(state: State, settings: Settings, cluster: Cluster) -> Iterator[Diagnosis]:
    """Diagnose each workload whose pods SCC rejects now."""
    found = [(obj, message) for obj, message in _rejected(state) if not _left_alone(obj, settings)]
    for obj, message in found:
        words = f"{_named(obj)}: {_words(message)}"
        try:
            yield _advised(obj, words, settings, cluster)
        except UnknownShape as error:
            yield Diagnosis("rejected", f"{words}. Not judged: {error}", "")
    others = [(about, event) for about, event in state.rejections().items() if about[0] not in KINDS]
    for (kind, namespace, name), event in others:
        says = f"{kind} {namespace}/{name}, a kind that no rule knows: {_words(str(event.get('message')))}"
        yield Diagnosis("rejected", says, "")
    if not found and not others and state.has("events"):
        yield Diagnosis("rejected", "SCC rejects no workload now")


def _rejected(state: State) -> Iterator[tuple[Object, str]]:
    """Yield each workload whose pods SCC rejects now, with SCC's words."""
    for obj in (obj for kind in SAY_IT for obj in state.objects.get(kind, ())):
        failures = [each for each in sequence(obj, ("status", "conditions")) if each.get("type") == "ReplicaFailure"]
        message = next((str(each.get("message")) for each in failures if each.get("status") == "True"), "")
        if IN_WORDS_OF_SCC in message and not _controller(obj) and _lacks_pods(obj):
            yield obj, message
    for (kind, namespace, name), event in state.rejections().items():
        for obj in state.objects.get(kind, ()) if kind not in SAY_IT else ():
            same = lookup(obj, ("metadata", "uid")) == lookup(event, ("involvedObject", "uid"))
            if same and _named(obj) == f"{obj['kind']} {namespace}/{name}" and _lacks_pods(obj):
                yield obj, str(event.get("message"))


def _lacks_pods(obj: Object) -> bool:
    """Check whether pods are missing. A custom resource does not say so, and its events last an hour."""
    spec, status = mapping(obj, ("spec",)), mapping(obj, ("status",))
    if obj["kind"] == "DaemonSet":
        return bool(status.get("currentNumberScheduled", 0) < status.get("desiredNumberScheduled", 0))
    if obj["kind"] in ("Deployment", "DeploymentConfig"):
        return bool((status.get("updatedReplicas") or 0) < spec.get("replicas", 1))
    if kind_of(obj["apiVersion"], obj["kind"]) in (*SAY_IT, "StatefulSet.apps"):
        return bool((status.get("replicas") or 0) < spec.get("replicas", 1))
    return not (status.get("active") or status.get("completionTime") or spec.get("suspend"))


def _words(message: str) -> str:
    """Return SCC's reasons in few words, without those of SCCs that the account may not use."""
    said = [reason for reasons in refusals(message) for reason, _ in reasons]
    return "; ".join(brief([each for each in said if NOT_USABLE not in each] or said)) or "the account may use no SCC"


def _advised(obj: Object, words: str, settings: Settings, cluster: Cluster) -> Diagnosis:
    """Decide by what an update of the workload would do, else by what creating it again would do."""
    kind, metadata = kind_of(obj["apiVersion"], obj["kind"]), obj["metadata"]
    target = f"{obj['kind'].lower() if kind in RESTARTABLE else _resource(kind)}/{metadata['name']}"
    oc = f"oc -n {metadata['namespace']}"
    update = Request(kind, "UPDATE", _restarted(obj, kind), obj, metadata["namespace"], metadata["name"])
    updated, created = (engine.evaluate(each, settings) for each in (update, request_for_manifest(obj)))
    if not _refused(updated.object, settings, cluster):
        again = f"rollout restart {target}" if kind in RESTARTABLE else f"get {target} -o yaml | oc replace -f -"
        return Diagnosis("rejected", f"{words}. Its next update is admitted{_by(updated)}", f"{oc} {again}")
    if stays := _refused(created.object, settings, cluster):
        account = stays[0][1]
        scc = least([pod for pod, _ in stays], cluster.ranges_of(metadata["namespace"]), cluster.grants.sccs)
        says = f"{words}. No rule helps: account {account} needs SCC {scc or 'of its own: no default one admits this'}"
        return Diagnosis("rejected", says, (scc and f"{oc} {_grant(metadata['namespace'], account, scc)}") or "")
    says = f"{words}. It must be created again, and is then admitted{_by(created)}"
    if LAST_APPLIED in mapping(obj, ("metadata", "annotations")):
        return Diagnosis("rejected", says, f"{oc} apply view-last-applied {target} | oc replace --force -f -")
    who = "its controller creates it again" if _controller(obj) else "apply its manifest afterwards"
    return Diagnosis("rejected", f"{says}: {who}", f"{oc} delete {target}")


def _by(result: Result) -> str:
    return f" (rules: {', '.join(result.rules())})" if result.findings else ""


def _grant(namespace: str, account: str, scc: str) -> str:
    role = f"--clusterrole={OF_SCC}{scc}"
    return f"create rolebinding {account}-{scc} {role} --serviceaccount={namespace}:{account}"


def _restarted(obj: Object, kind: str) -> Object:
    """Return a workload as `rollout restart` leaves it."""
    if kind not in RESTARTABLE:
        return obj
    template = obj["spec"]["template"]
    annotations = {**mapping(template, ("metadata", "annotations")), "kubectl.kubernetes.io/restartedAt": "now"}
    metadata = {**mapping(template, ("metadata",)), "annotations": annotations}
    return {**obj, "spec": {**obj["spec"], "template": {**template, "metadata": metadata}}}


def _refused(obj: Object | None, settings: Settings, cluster: Cluster) -> list[tuple[Object, str]]:
    """Return the pods of an object that the SCC model rejects, each with its account."""
    obj = obj or {}
    templates = pod_templates(obj, kind_of(obj["apiVersion"], obj["kind"]), settings)
    pods = [each for at, shape, parts in templates for each in as_pods(obj, at, shape, settings, parts)]
    return [each for each in pods if not cluster.judge_all([each], obj["metadata"]["namespace"]).admitted_by]


def _controller(obj: Object) -> bool:
    return any(each.get("controller") for each in sequence(obj, ("metadata", "ownerReferences")))


def _named(obj: Object) -> str:
    return f"{obj['kind']} {obj['metadata']['namespace']}/{obj['metadata']['name']}"


def _resource(kind: str) -> str:
    group = group_of(kind)
    return f"{KINDS[kind].resource}.{group}" if group else KINDS[kind].resource
