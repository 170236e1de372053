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

from webhook.model import REMOVED, Change, Pointer, lookup
from webhook.pod import Pod
from webhook.registry import pod_rule

BECAUSE = "runAsGroup is outside what OpenShift allocates, and its user goes"


@pod_rule
def run_as_group(pod: Pod) -> Iterator[Change]:
    """Drop foreign groups of users that go or were never set."""
    if not pod.settings.enables("run-as-user", default=True):
        return
    sent = pod.sent or pod  # a user that another rule dropped or replaced went
    pod_at, pod_context = pod.security_context()
    inherited = pod_context.get("runAsGroup") != 0 and not _user_stays(sent, pod_at)
    for container in pod.containers():
        stays = _user_stays(sent, container.context_at)
        own = container.context.get("runAsGroup")
        if own is None:
            inherited &= not stays
        elif own != 0 and not stays and pod.foreign((*container.context_at, "runAsGroup")):
            yield Change((*container.context_at, "runAsGroup"), REMOVED, BECAUSE)
    if inherited and pod.foreign((*pod_at, "runAsGroup")):
        yield Change((*pod_at, "runAsGroup"), REMOVED, BECAUSE)


def _user_stays(pod: Pod, context_at: Pointer) -> bool:
    own_at, pod_at = (*context_at, "runAsUser"), (*pod.security_context()[0], "runAsUser")
    own, inherited = lookup(pod.object, own_at), lookup(pod.object, pod_at)
    inherits = inherited is not None and not pod.foreign(pod_at)
    if own is None:
        return inherits
    return not pod.foreign(own_at) or pod.makes_root() or (inherits and own == inherited)
