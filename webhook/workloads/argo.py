"""Argo's ConfigMap: what it says of the pods of every workflow."""

from collections.abc import Iterator
from typing import Final

from webhook.objects.model import Object, Request
from webhook.settings.model import Settings
from webhook.workloads.find import find_pod_specs, unread, view_pod
from webhook.workloads.kinds import CONTAINER
from webhook.workloads.pod import PodView

CONFIG_MAP: Final = "workflow-controller-configmap"
WORKFLOW: Final = "Workflow.argoproj.io"
ADDED: Final = ("executor", "mainContainer")
"""Containers that Argo adds to each pod, or merges into its main one."""
DEFAULTS: Final = "workflowDefaults"


def pods(said: Object, settings: Settings) -> Iterator[PodView]:
    """Yield a view of each container and pod spec in the configuration. Raises UnknownShape."""
    for at, shape in (*(((key,), CONTAINER) for key in ADDED), *find_pod_specs(said, WORKFLOW, (DEFAULTS,))):
        if view := view_pod(Request(WORKFLOW, "CREATE", said), at, shape, settings):
            yield view


def patches_pods(said: Object) -> bool:
    """Check whether a text in the workflows' defaults sets a security context when a pod is created."""
    request = Request(WORKFLOW, "CREATE", said)
    return any(True for at, shape in find_pod_specs(said, WORKFLOW, (DEFAULTS,)) for _ in unread(request, at, shape))
