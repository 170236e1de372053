"""Drop the privilege that a workload asks for and does not use.

OpenShift: no restricted SCC admits a privileged container. Metacontroller of Kubeflow 0.7 to 1.3 asks for it, yet only
talks to the API server; upstream dropped it with KFP 1.7, and nothing else had to change.

Fields:
    spec.containers[*].securityContext.privileged
    spec.containers[*].securityContext.allowPrivilegeEscalation

Upstream:
    https://github.com/kubeflow/pipelines/issues/5579
    https://github.com/kubeflow/pipelines/pull/6537

Limits:
    Only images known not to need it: metacontroller's, from whatever registry. Only as upstream ships it: a pod with
    another container, a port, another security setting or anything of the host's is left alone, and so is one that
    runs, and one that may escalate without being privileged.
"""

from collections.abc import Iterator

from webhook.objects.model import REMOVED, Change, lookup
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import any_left
from webhook.workloads.pod import Pod
from webhook.workloads.privilege import unneeded


@pod_rule(kinds=("Deployment.apps", "StatefulSet.apps"))
def unneeded_privilege(pod: Pod) -> Iterator[Change]:
    """Drop both from a pod that asks for nothing else."""
    for at in unneeded(pod):
        if not any_left(pod) and lookup(pod.object, at) is True:
            yield Change(at, REMOVED, "the image works without it")
