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

import re
from collections.abc import Iterator

from webhook.model import REMOVED, Change
from webhook.pod import Pod
from webhook.registry import pod_rule

IMAGES = re.compile(r"(^|/)metacontroller(io)?/metacontroller([:@]|$)")
UNNEEDED = {"allowPrivilegeEscalation", "privileged"}


@pod_rule(kinds=("Deployment.apps", "StatefulSet.apps"))
def unneeded_privilege(pod: Pod) -> Iterator[Change]:
    """Drop both from a pod that asks for nothing else."""
    asked, containers = pod.identity_kept == "it asks for privileged", list(pod.containers())
    if asked and len(containers) == 1 and not pod.security_context()[1]:
        at, context = containers[0].context_at, containers[0].context
        known = IMAGES.search(str(containers[0].value.get("image"))) and "ports" not in containers[0].value
        if known and context.get("privileged") is True and context.keys() <= UNNEEDED:
            for key in sorted(context):
                if context[key] is True and not pod.works_with((*at, key)):
                    yield Change((*at, key), REMOVED, "the image works without it")
