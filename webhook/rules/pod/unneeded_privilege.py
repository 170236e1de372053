"""Drop the privilege that a workload requests and does not use.

OpenShift: No restricted SCC admits a privileged container. Metacontroller of Kubeflow 0.7 to 1.3 requests it, but
only talks to the API server. Upstream dropped it with KFP 1.7 and changed nothing else.

Fields:
    spec.containers[*].securityContext.privileged
    spec.containers[*].securityContext.allowPrivilegeEscalation

Upstream:
    https://github.com/kubeflow/pipelines/issues/5579
    https://github.com/kubeflow/pipelines/pull/6537

Limits:
    Only images known not to need it: metacontroller's, from any registry. Only the pod that upstream ships: one with
    another container, a port, another security setting or host access is not changed. Neither is a running pod, nor
    one that may escalate without being privileged.
"""

from collections.abc import Iterator

from webhook.objects.model import REMOVED, Change, lookup
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import any_left
from webhook.workloads.pod import PodView
from webhook.workloads.privilege import unneeded


@pod_rule(kinds=("Deployment.apps", "StatefulSet.apps"))
def unneeded_privilege(pod: PodView) -> Iterator[Change]:
    """Drop both from a pod that requests nothing else."""
    for at in unneeded(pod):
        if not any_left(pod) and lookup(pod.object, at) is True:
            yield Change(at, REMOVED, "the image works without it")
