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
    Only ConfigMap `workflow-controller-configmap`. A text that is not plain YAML, or is far larger than Argo's, stays.
    An ID stays if `fs-group`, `run-as-user` or `run-as-group` would keep it. With `k8sapi`, outputs of steps must lie
    on volumes. No rule reaches UID 8737, which Argo's code gives to its agent and to pods that delete artifacts.
"""

from collections.abc import Iterator

from webhook.manifests.editor import change_text, parse_embedded
from webhook.objects.model import Change, Object, lookup, mapping
from webhook.rules.pod import fs_group, run_as_group, run_as_user
from webhook.rules.registry import object_rule
from webhook.settings.model import Settings
from webhook.workloads import argo

IDENTITY = (fs_group.fs_group, run_as_group.run_as_group, run_as_user.run_as_user)
NO_DOCKER = "OpenShift's nodes have no Docker socket"
PATCHES = "a podSpecPatch of workflowDefaults sets a security context; check that OpenShift allows its IDs"


@object_rule("ConfigMap")
def argo_executor(config_map: Object, settings: Settings) -> Iterator[Change]:
    """Replace `docker` by `k8sapi`, and drop foreign IDs from what Argo adds to pods."""
    if lookup(config_map, ("metadata", "name")) != argo.CONFIG_MAP:
        return
    data = mapping(config_map, ("data",))
    if data.get("containerRuntimeExecutor") == "docker":
        yield Change(("data", "containerRuntimeExecutor"), "k8sapi", NO_DOCKER)
    for key in ("config", *argo.ADDED, argo.DEFAULTS):
        at, text = ("data", key), data.get(key)
        if isinstance(text, str) and isinstance(said := parse_embedded(text, at), dict):
            whole = said if key == "config" else {key: said}  # `config` has the other keys in it
            changes = [change._replace(at=change.at[key != "config" :]) for change in _wanted(whole, settings)]
            edited = change_text(text, at, said, changes) or text
            warning = PATCHES if argo.patches_pods(whole) else ""
            if edited != text or warning:
                yield Change(at, edited, "; ".join(dict.fromkeys(change.because for change in changes)), warning)


def _wanted(said: Object, settings: Settings) -> Iterator[Change]:
    if said.get("containerRuntimeExecutor") == "docker":
        yield Change(("containerRuntimeExecutor",), "k8sapi", NO_DOCKER)
    for pod in argo.pods(said, settings):
        yield from (change for rule in IDENTITY for change in rule(pod))
