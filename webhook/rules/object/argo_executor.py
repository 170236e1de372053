"""Let Argo's executor work without Docker's socket and under the namespace's UID.

OpenShift: Nodes run CRI-O and have no socket for Argo 2's executor `docker`; `k8sapi` needs none. Argo adds
containers to each pod, under UID 65532 in Pipelines 2, and may give all workflows an ID by default. SCC rejects
such pods.

Fields:
    data[containerRuntimeExecutor]
    data[config]: containerRuntimeExecutor, executor, mainContainer, workflowDefaults
    data[executor], data[mainContainer]: securityContext
    data[workflowDefaults]: spec, as in a Workflow

Upstream:
    https://github.com/kubeflow/pipelines/issues/1654
    https://github.com/kubeflow/pipelines/issues/11778

Limits:
    Only ConfigMap `workflow-controller-configmap`. A text that is not plain YAML, or that is far larger than Argo's,
    stays. An ID stays if `fs-group`, `run-as-user` or `run-as-group` would keep it. With `k8sapi`, outputs of steps
    must lie on volumes. Argo's agent and its pods that delete artifacts have UID 8737 from Argo's code, which no rule
    reaches.
"""

from collections.abc import Iterator

from webhook.manifests.editor import change_text, parse_embedded
from webhook.objects.model import Change, Object, Request, lookup, mapping
from webhook.rules.pod import fs_group, run_as_group, run_as_user
from webhook.rules.registry import object_rule
from webhook.settings.model import Settings
from webhook.workloads.find import find_pod_specs, unread, view_pod
from webhook.workloads.kinds import CONTAINER

NAME, WORKFLOW = "workflow-controller-configmap", "Workflow.argoproj.io"
CONTAINERS, DEFAULTS = ("executor", "mainContainer"), "workflowDefaults"
IDENTITY = (fs_group.fs_group, run_as_group.run_as_group, run_as_user.run_as_user)
NO_DOCKER = "OpenShift's nodes have no Docker socket"
PATCHES = "a podSpecPatch of workflowDefaults sets a security context; check that OpenShift allows its IDs"


@object_rule("ConfigMap")
def argo_executor(config_map: Object, settings: Settings) -> Iterator[Change]:
    """Replace `docker` by `k8sapi`, and drop foreign IDs from what Argo adds to pods."""
    data = mapping(config_map, ("data",)) if lookup(config_map, ("metadata", "name")) == NAME else {}
    if data.get("containerRuntimeExecutor") == "docker":
        yield Change(("data", "containerRuntimeExecutor"), "k8sapi", NO_DOCKER)
    for key in ("config", *CONTAINERS, DEFAULTS):
        at, text = ("data", key), data.get(key)
        if not (isinstance(text, str) and isinstance(said := parse_embedded(text, at), dict)):
            continue
        whole = said if key == "config" else {key: said}
        changes = [change._replace(at=change.at[key != "config" :]) for change in _wanted(whole, settings)]
        edited = change_text(text, at, said, changes) if changes else None
        if edited or _patches(whole):
            because = "; ".join(dict.fromkeys(change.because for change in changes))
            yield Change(at, edited or text, because, PATCHES if _patches(whole) else "")


def _patches(said: Object) -> bool:
    specs, request = find_pod_specs(said, WORKFLOW, (DEFAULTS,)), Request(WORKFLOW, "CREATE", said)
    return any(True for at, shape in specs for _ in unread(request, at, shape))


def _wanted(said: Object, settings: Settings) -> Iterator[Change]:
    if said.get("containerRuntimeExecutor") == "docker":
        yield Change(("containerRuntimeExecutor",), "k8sapi", NO_DOCKER)
    for at, shape in (*(((key,), CONTAINER) for key in CONTAINERS), *find_pod_specs(said, WORKFLOW, (DEFAULTS,))):
        if view := view_pod(Request(WORKFLOW, "CREATE", said), at, shape, settings):
            yield from (change for rule in IDENTITY for change in rule(view))
