"""Have Argo's executor work without Docker's socket, and under the namespace's own UID.

OpenShift: nodes run CRI-O and have no socket for Argo 2's executor `docker`; `k8sapi` needs none. The containers
that Argo adds to each pod have the executor's security context: Pipelines 2 says UID 65532, and the pods are refused.

Fields:
    data[containerRuntimeExecutor]
    data[config]: containerRuntimeExecutor, executor.securityContext
    data[executor]: securityContext

Upstream:
    https://github.com/kubeflow/pipelines/issues/1654
    https://github.com/kubeflow/pipelines/issues/11778

Limits:
    Only ConfigMap `workflow-controller-configmap`; a text that is no plain YAML stays, and one that names no executor.
    An allocated UID stays, and that of an executor with privilege or added capabilities. Outputs of steps must lie on
    volumes with `k8sapi`.
"""

from collections.abc import Iterator

from webhook.edit import edit, value
from webhook.model import Change, Object, Operation, lookup, mapping
from webhook.pod import POD_SPEC, Pod
from webhook.registry import object_rule
from webhook.settings import Settings

NAME = "workflow-controller-configmap"
NO_DOCKER = "OpenShift's nodes have no Docker socket"
FOREIGN = "the executor's runAsUser is outside what OpenShift allocates"


@object_rule("ConfigMap", condition=f"has(object.metadata.name) && object.metadata.name == '{NAME}'")
def argo_executor(config_map: Object, settings: Settings) -> Iterator[Change]:
    """Replace docker by k8sapi, and drop the executor's foreign UID."""
    data = mapping(config_map, ("data",)) if lookup(config_map, ("metadata", "name")) == NAME else {}
    if data.get("containerRuntimeExecutor") == "docker":
        yield Change(("data", "containerRuntimeExecutor"), "k8sapi", NO_DOCKER)
    for key, path in (("config", "/executor/securityContext"), ("executor", "/securityContext")):
        text = data[key] if isinstance(data.get(key), str) else ""
        executor = Pod(value(text), tuple(path.split("/")[1:]), POD_SPEC, settings)
        docker = key == "config" and lookup(executor.object, ("containerRuntimeExecutor",)) == "docker"
        k8sapi = [{"op": "replace", "path": "/containerRuntimeExecutor", "value": "k8sapi"}] if docker else []
        for operations, because in ((k8sapi, NO_DOCKER), (list(_without_user(executor, path)), FOREIGN)):
            if operations and (edited := edit(text, operations)):
                text = edited
                yield Change(("data", key), text, because)


def _without_user(executor: Pod, path: str) -> Iterator[Operation]:
    context = lookup(executor.object, executor.at)
    added = lookup(context, ("capabilities", "add")) or []
    asks = lookup(context, ("privileged",)) or added not in ([], ["NET_BIND_SERVICE"])
    if executor.foreign((*executor.at, "runAsUser")) and not asks:
        if context["runAsUser"] != 0 and context.get("runAsNonRoot") is not True:
            yield {"op": "add", "path": f"{path}/runAsNonRoot", "value": True}
        yield {"op": "remove", "path": f"{path}/runAsUser"}
        if context.get("runAsGroup") != 0 and executor.foreign((*executor.at, "runAsGroup")):
            yield {"op": "remove", "path": f"{path}/runAsGroup"}
