"""Drop the runAsUser that OpenShift did not allocate.

OpenShift: `restricted-v2` admits only UIDs of the namespace's range. Kubeflow since 1.10 pins 1000, 999, 1337 or
65532 in most workloads, and SCC rejects their pods. If none is set, SCC assigns a UID of the range. Under
`anyuid` nothing is assigned, and the image's own user, possibly root, would return. So a container that loses a
UID other than 0 gets `runAsNonRoot: true`.

Fields:
    spec.securityContext.runAsUser
    spec.securityContext.runAsNonRoot
    spec.{initContainers,containers,ephemeralContainers}[*].securityContext.runAsUser
    spec.{initContainers,containers,ephemeralContainers}[*].securityContext.runAsNonRoot

Upstream:
    https://github.com/kubeflow/pipelines/issues/11778
    https://github.com/SeldonIO/seldon-core/issues/527

Limits:
    An allocated UID stays, even one of another namespace: a template does not tell its namespace's range. All IDs
    stay in a pod that SCC rejects whatever its IDs, that requires another SCC, that has a user namespace (`hostUsers:
    false`), or that runs with them. The response to a creation says why. An image that needs its own UID needs an SCC
    that grants it: bind its service account to that SCC and list the account under `exempt` in the configuration.
"""

from collections.abc import Iterator

from webhook.objects.model import Change, lookup
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import dropped, identity
from webhook.workloads.pod import PodView

BECAUSE = "runAsUser is outside what OpenShift allocates"
NON_ROOT = "the removed UID was not root, but the image's default user might be"


@pod_rule
def run_as_user(pod: PodView) -> Iterator[Change]:
    """Drop foreign UIDs; a container that was not root must not become root."""
    of_pod = identity(pod)
    for at in pod.contexts_at() if of_pod.going else ():
        if at in of_pod.non_root and lookup(pod.object, (*at, "runAsNonRoot")) is not True:
            yield Change((*at, "runAsNonRoot"), value=True, because=NON_ROOT)
        yield from dropped(pod, (*at, "runAsUser"), BECAUSE)
