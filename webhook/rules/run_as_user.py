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

from webhook.model import REMOVED, Change
from webhook.pod import Container, Pod
from webhook.registry import pod_rule

BECAUSE = "runAsUser is outside what OpenShift allocates"
NON_ROOT = "the UID that went was not root, and the image's own user may be"


@pod_rule
def run_as_user(pod: Pod) -> Iterator[Change]:
    """Drop foreign UIDs at pod and container level; what was not root must not become it."""
    at, context = pod.security_context()
    user, goes = context.get("runAsUser"), pod.foreign((*at, "runAsUser"))
    non_root, makes_root = context.get("runAsNonRoot") is True, pod.makes_root()
    if goes and user != 0 and not non_root and not any(_stays_root(pod, container) for container in pod.containers()):
        non_root = True
        yield Change((*at, "runAsNonRoot"), value=True, because=NON_ROOT)
    if goes:
        yield Change((*at, "runAsUser"), REMOVED, BECAUSE)
    sent = pod.sent or pod  # what sidecar-security-context gave or took is not what the container was
    for container, came in zip(pod.containers(), sent.containers(), strict=True):
        own, own_at = came.context.get("runAsUser"), (*container.context_at, "runAsUser")
        own_went, says = sent.foreign(own_at) and not makes_root, container.context.get("runAsNonRoot")
        was_user = own != 0 if own_went else own is None and goes and user != 0
        if was_user and says is not True and not (says is None and non_root):
            yield Change((*container.context_at, "runAsNonRoot"), value=True, because=NON_ROOT)
        if own_went and pod.foreign(own_at):
            yield Change(own_at, REMOVED, BECAUSE)


def _stays_root(pod: Pod, container: Container) -> bool:
    """Tell whether a container keeps a 0 that was granted: below a runAsNonRoot of the pod it could not start."""
    return container.context.get("runAsUser") == 0 and not pod.foreign((*container.context_at, "runAsUser"))
