"""Drop the runAsUser that OpenShift did not allocate.

OpenShift: `restricted-v2` admits only UIDs of the namespace's range; Kubeflow since 1.10 pins 1000, 999,
1337 or 65532 nearly everywhere, and its pods are refused. Left empty, SCC assigns a UID of the range. Under
`anyuid` nothing is assigned and the image's own user, possibly root, would come back: so wherever a UID
other than 0 goes, the container ends with `runAsNonRoot: true`.

Fields:
    spec.securityContext.runAsUser
    spec.securityContext.runAsNonRoot
    spec.{initContainers,containers,ephemeralContainers}[*].securityContext.runAsUser
    spec.{initContainers,containers,ephemeralContainers}[*].securityContext.runAsNonRoot

Upstream:
    https://github.com/kubeflow/pipelines/issues/11778
    https://github.com/SeldonIO/seldon-core/issues/527

Limits:
    An allocated UID stays. An image that cannot do without its own UID needs an SCC that grants it: bind its
    service account to that SCC and name the account under `exempt` in the configuration.
"""

from collections.abc import Iterator

from webhook.model import REMOVED, Change, Container, Pod
from webhook.registry import pod_rule

BECAUSE = "runAsUser is outside what OpenShift allocates"
NON_ROOT = "the UID that went was not root, and the image's own user may be"


@pod_rule
def run_as_user(pod: Pod) -> Iterator[Change]:
    """Drop foreign UIDs at pod and container level; what was not root must not become it."""
    at, context = pod.security_context()
    lost = pod.foreign((*at, "runAsUser"))
    non_root_lost = lost and context["runAsUser"] != 0
    if lost:
        yield Change((*at, "runAsUser"), REMOVED, BECAUSE)
    if non_root_lost and context.get("runAsNonRoot") is not True:
        yield Change((*at, "runAsNonRoot"), value=True, because=NON_ROOT)
    for container in pod.containers():
        yield from _container(pod, container, inherited_lost=non_root_lost)


def _container(pod: Pod, container: Container, *, inherited_lost: bool) -> Iterator[Change]:
    at, context = container.context_at, container.context
    own = context.get("runAsUser")
    lost = pod.foreign((*at, "runAsUser"))
    if lost:
        yield Change((*at, "runAsUser"), REMOVED, BECAUSE)
    if (lost and own != 0) or (own is None and inherited_lost):
        inherited = inherited_lost or pod.security_context()[1].get("runAsNonRoot") is True
        effective = context.get("runAsNonRoot")
        if effective is not True and not (effective is None and inherited):
            yield Change((*at, "runAsNonRoot"), value=True, because=NON_ROOT)
