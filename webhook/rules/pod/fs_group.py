"""Drop the fsGroup that OpenShift did not allocate.

OpenShift: `restricted-v2` admits one fsGroup, the first of the namespace's range. The notebook controller sets 100,
databases 999, Spark 185, and SCC rejects their pods. If none is set, SCC assigns the namespace's own.

Fields:
    spec.securityContext.fsGroup

Upstream:
    https://github.com/kubeflow/kubeflow/issues/4617
    https://github.com/kubeflow/pipelines/issues/11778

Limits:
    Files of the old group on an existing volume keep that group; the response warns if the pod mounts a claim. An
    allocated fsGroup stays. supplementalGroups stay: the restricted SCCs admit any.
"""

from collections.abc import Iterator

from webhook.objects.model import Change
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import dropped
from webhook.workloads.pod import PodView


@pod_rule
def fs_group(pod: PodView) -> Iterator[Change]:
    """Drop a foreign fsGroup."""
    context_at, context = pod.security_context()
    if context.get("fsGroup") is not None:
        warning = f"files of group {context['fsGroup']} on its volumes keep that group" if pod.mounts_claim() else ""
        yield from dropped(pod, (*context_at, "fsGroup"), "fsGroup is outside what OpenShift allocates", warning)
