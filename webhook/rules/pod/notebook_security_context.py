"""Give a Notebook without a pod security context an empty one.

OpenShift: the notebook controller adds `fsGroup: 100` where a Notebook has no pod security context, in every
version read, and the pod is refused. With an empty one it adds nothing, so what it writes to the
StatefulSet on each reconcile is already what OpenShift admits.

Fields:
    spec.template.spec.securityContext

Upstream:
    https://github.com/kubeflow/kubeflow/issues/4617
    https://github.com/kubeflow/kubeflow/pull/4782

Limits:
    A Notebook that has a security context keeps it (the other rules see to its identity). One that is stored without
    any_left without: a new security context would restart it, and its StatefulSet is rewritten.
"""

from collections.abc import Iterator

from webhook.objects.model import Change, lookup
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import any_left
from webhook.workloads.pod import Pod


@pod_rule(kinds=("Notebook.kubeflow.org",))
def notebook_security_context(pod: Pod) -> Iterator[Change]:
    """Set an empty pod security context where there is none."""
    at, _ = pod.security_context()
    if lookup(pod.object, at) is None and not pod.works_with(at) and not any_left(pod):
        yield Change(at, {}, "without it the notebook controller adds fsGroup 100")
