"""KINDS, the one table of kinds, and the pods inside an object: the only place that knows where pod templates live."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from webhook.model import Object, Pod, Pointer, Request, lookup, mapping, sequence, strings
from webhook.settings import Settings


@dataclass(frozen=True, slots=True)
class Kind:
    """What we must know of a kind: its resource, where its pod templates are, and how it changes."""

    resource: str
    template: str | None
    """Dotted path to what holds the pod's metadata and spec; `*` = each; "" = the object itself; None = no pods."""
    ready: str = "status.readyReplicas"
    """Where the kind reports that pods of it work."""
    immutable: bool = False
    """Whether the API server refuses any change of the pod spec."""
    hashed: bool = False
    """Whether a controller that owns one finds it again by a hash of its template."""
    namespaced: bool = True
    operations: tuple[str, ...] = ("CREATE", "UPDATE")
    """What the API server offers us of it. A stored Pod has passed SCC: no update of it needs us."""


KINDS: Final = {
    "Pod": Kind("pods", "", immutable=True, operations=("CREATE",)),
    "PodTemplate": Kind("podtemplates", "template"),
    "ReplicationController": Kind("replicationcontrollers", "spec.template", hashed=True),
    "Namespace": Kind("namespaces", None, namespaced=False),
    "Deployment.apps": Kind("deployments", "spec.template"),
    "StatefulSet.apps": Kind("statefulsets", "spec.template"),
    "DaemonSet.apps": Kind("daemonsets", "spec.template", ready="status.numberReady"),
    "ReplicaSet.apps": Kind("replicasets", "spec.template", hashed=True),
    "Job.batch": Kind("jobs", "spec.template", immutable=True),
    "CronJob.batch": Kind("cronjobs", "spec.jobTemplate.spec.template", ready="status.lastSuccessfulTime"),
    "DeploymentConfig.apps.openshift.io": Kind("deploymentconfigs", "spec.template"),
    "Notebook.kubeflow.org": Kind("notebooks", "spec.template"),
}

REFUSE_IDENTITY: Final = ("restricted", "restricted-v2")
"""SCCs that admit no identity but the namespace's own: under any other, what a Pod has was granted."""


def kind_of(api_version: Any, kind: Any) -> str:
    """Name a kind as KINDS does, from an object's apiVersion and kind; "" where they are not text."""
    if not isinstance(api_version, str) or not isinstance(kind, str):
        return ""
    group, slash, _ = api_version.partition("/")
    return f"{kind}.{group}" if slash else kind


def group_of(kind: str) -> str:
    """Return the API group in a kind's name: "apps" of `StatefulSet.apps`, "" of `Pod`."""
    return kind.partition(".")[2]


def templates(obj: Object, path: str) -> Iterator[Pointer]:
    """Yield the pointer of every pod template that a kind's path finds in an object."""
    found: list[Pointer] = [()]
    for part in path.split(".") if path else ():
        step: list[Pointer] = []
        for at in found:
            value = lookup(obj, at)
            if part != "*":
                step.append((*at, part))
            elif isinstance(value, dict):
                step += [(*at, key) for key in value]
            elif isinstance(value, list):
                step += [(*at, index) for index in range(len(value))]
        found = step
    yield from found


def pod(request: Request, obj: Object, at: Pointer, settings: Settings) -> Pod | None:
    """View the pod template at a pointer; None where there is none, or where it is to be left alone entirely.

    Raises UnknownShape where something is not what a pod spec has there.
    """
    spec_at = (*at, "spec")
    spec = mapping(obj, spec_at)
    if not spec:
        return None
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    if settings.exempts(request.namespace, account):
        return None
    scc = mapping(obj, (*at, "metadata", "annotations")).get("openshift.io/scc") if request.kind == "Pod" else None
    view = Pod(obj, spec_at, settings, str(scc or ""), working=request.old if _works(request) else None)
    return replace(view, identity_kept=_identity_kept(view))


def _works(request: Request) -> bool:
    """Tell whether a stored workload has ready pods, as far as is known of the template that is stored.

    They may be of an older template while SCC refuses those of the stored one: a Deployment says so in a condition.
    """
    if not (request.operation == "UPDATE" and lookup(request.old, tuple(KINDS[request.kind].ready.split(".")))):
        return False
    conditions = sequence(request.old, ("status", "conditions"))
    return not any(
        condition.get("type") == "ReplicaFailure"
        and condition.get("status") == "True"
        and "security context constraint" in str(condition.get("message"))
        for condition in conditions
    )


def _identity_kept(pod: Pod) -> str:
    """Say why a pod's identity stays as it is; "" where OpenShift would refuse the pod for nothing else."""
    if pod.scc and pod.scc not in REFUSE_IDENTITY:
        return f"{pod.scc} admitted it"
    required = mapping(pod.object, (*pod.at[:-1], "metadata", "annotations")).get("openshift.io/required-scc")
    if required and not str(required).startswith("restricted"):
        return f"it requires {required}"
    if mapping(pod.object, (*pod.at, "os")).get("name") == "windows":
        return "it runs Windows, which SCC leaves alone"
    return next((f"it asks for {need}" for need in _needs(pod)), "")


def _needs(pod: Pod) -> Iterator[str]:
    """Yield what a pod asks for that the restricted SCCs refuse whatever its UID."""
    yield from (key for key in ("hostNetwork", "hostPID", "hostIPC") if mapping(pod.object, pod.at).get(key))
    if any(volume.get("hostPath") is not None for volume in sequence(pod.object, (*pod.at, "volumes"))):
        yield "hostPath"
    for container in pod.containers():
        if any(port.get("hostPort") for port in sequence(pod.object, (*container.at, "ports"))):
            yield "hostPort"
        if container.context.get("privileged"):
            yield "privileged"
        added = strings(pod.object, (*container.context_at, "capabilities", "add"))
        yield from (f"capability {name}" for name in added if name != "NET_BIND_SERVICE")
