"""Give a Notebook without a pod security context an empty one.

OpenShift: The notebook controller adds `fsGroup: 100` to a Notebook without a pod security context, and SCC rejects
the pod. With an empty one it adds nothing, so that its reconcile writes what OpenShift admits.

Fields:
    spec.template.spec.securityContext

Upstream:
    https://github.com/kubeflow/kubeflow/issues/4617
    https://github.com/kubeflow/kubeflow/pull/4782

Limits:
    A Notebook that has a security context keeps it; the identity rules handle its IDs. A stored Notebook is not
    changed: a new security context would restart it, and its StatefulSet is rewritten anyway.
"""

from collections.abc import Iterator

from webhook.objects.model import Change, lookup
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import any_left
from webhook.workloads.pod import PodView


@pod_rule(kinds=("Notebook.kubeflow.org",))
def notebook_security_context(pod: PodView) -> Iterator[Change]:
    """Set an empty pod security context where there is none."""
    at, _ = pod.security_context()
    if lookup(pod.object, at) is None and not pod.runs_with(at) and not any_left(pod):
        yield Change(at, {}, "without it the notebook controller adds fsGroup 100")
