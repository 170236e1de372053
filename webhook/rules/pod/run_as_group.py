"""Drop the runAsGroup that OpenShift did not allocate, where its user goes too.

OpenShift: SCC admits any primary group, but a pod that gets its UID from the namespace's range needs group 0:
images for OpenShift leave their files writable to it, and with a foreign group such a user can write nothing.

Fields:
    spec.securityContext.runAsGroup
    spec.{initContainers,containers,ephemeralContainers}[*].securityContext.runAsGroup

Upstream:
    https://github.com/kubeflow/pipelines/issues/11778

Limits:
    Group 0 and allocated groups stay. A group stays where the user stays that it belongs to: all do where the rule
    `run-as-user` is off or skipped.
"""

from collections.abc import Iterator

from webhook.objects.model import Change
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import dropped
from webhook.workloads.pod import Pod

BECAUSE = "runAsGroup is outside what OpenShift allocates, and its user goes"


@pod_rule
def run_as_group(pod: Pod) -> Iterator[Change]:
    """Drop foreign groups of users that go or were never set."""
    for context_at in pod.contexts_at():
        yield from dropped(pod, (*context_at, "runAsGroup"), BECAUSE)
