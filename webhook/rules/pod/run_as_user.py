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
    An allocated UID stays, also one of another namespace: a template does not tell its namespace's range. All IDs of a
    pod stay that SCC rejects whatever its IDs, that requires another SCC, or that has a user namespace of its own
    (`hostUsers: false`), and of a pod that runs with one of them; the response to a creation says why. An image that
    cannot do without its own UID needs an SCC that grants it: bind its service account to that SCC and name the
    account under `exempt` in the configuration.
"""

from collections.abc import Iterator

from webhook.objects.model import Change, lookup
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import dropped, identity
from webhook.workloads.pod import Pod

BECAUSE = "runAsUser is outside what OpenShift allocates"
NON_ROOT = "the UID that went was not root, and the image's own user may be"


@pod_rule
def run_as_user(pod: Pod) -> Iterator[Change]:
    """Drop foreign UIDs at pod and container level; what was not root must not become it."""
    of_pod = identity(pod)
    for at in pod.contexts_at() if of_pod.going else ():
        if at in of_pod.non_root and lookup(pod.object, (*at, "runAsNonRoot")) is not True:
            yield Change((*at, "runAsNonRoot"), value=True, because=NON_ROOT)
        yield from dropped(pod, (*at, "runAsUser"), BECAUSE)
