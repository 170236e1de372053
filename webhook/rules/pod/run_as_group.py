"""Drop the runAsGroup that OpenShift did not allocate, if its user is dropped too.

OpenShift: SCC admits any primary group. A pod with a UID of the namespace's range needs group 0, because images for
OpenShift leave their files writable to it. With a foreign group such a user can write nothing.

Fields:
    spec.securityContext.runAsGroup
    spec.{initContainers,containers,ephemeralContainers}[*].securityContext.runAsGroup

Upstream:
    https://github.com/kubeflow/pipelines/issues/11778

Limits:
    Group 0 and allocated groups stay. A group stays if its user stays; all users stay if the rule `run-as-user` is
    off or skipped.
"""

from collections.abc import Iterator

from webhook.objects.model import Change
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import dropped
from webhook.workloads.pod import PodView

BECAUSE = "runAsGroup is outside what OpenShift allocates, and its user is dropped"


@pod_rule
def run_as_group(pod: PodView) -> Iterator[Change]:
    """Drop foreign groups whose user is dropped or was never set."""
    for context_at in pod.contexts_at():
        yield from dropped(pod, (*context_at, "runAsGroup"), BECAUSE)
