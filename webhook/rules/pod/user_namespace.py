"""Give a pod a user namespace of its own instead of dropping its users.

OpenShift: Since 4.20 `restricted-v3` admits UIDs and groups of 1000 to 65534 if the pod sets `hostUsers: false`. The
image runs as the user that it was built for, and is nobody on the node. docs/user-namespaces.md says what the cluster
needs.

Fields:
    spec.hostUsers
    spec.{initContainers,containers}[*].securityContext.runAsUser

Upstream:
    https://github.com/kubeflow/pipelines/issues/11778
    https://github.com/openshift/cluster-kube-apiserver-operator/pull/1944

Limits:
    Off by default. Only pods that restricted-v3 admits, and that do not run already. Each container must have a user of
    1000 to 65534, or an image whose user is known: the notebook servers get `runAsUser: 1000`. Argo, Knative, KServe
    and Spark do not pass the field on. An fsGroup outside 1000 to 65534 goes, and the response warns about claims.
    Options `namespaces` and `images` say where it acts: patterns of a namespace's name and of one image of the pod.
"""

from collections.abc import Iterator

from webhook.objects.model import Change, lookup
from webhook.rules.registry import pod_rule
from webhook.settings.model import PATTERNS
from webhook.workloads.identity import identity
from webhook.workloads.pod import PodView

BECAUSE = "restricted-v3 admits the pod's users in a user namespace of its own"
NAMED = "the image runs as this user; without one restricted-v2 assigns one that no user namespace maps"
CLAIM = "files of other users on its volumes belong to nobody; a volume like NFS may keep the pod from starting"


@pod_rule(default=False, options={"namespaces": PATTERNS, "images": PATTERNS})
def user_namespace(pod: PodView) -> Iterator[Change]:
    """Set `hostUsers: false`, and name the user of each image that is known."""
    users = identity(pod).users
    if users is not None and lookup(pod.object, (*pod.at, "hostUsers")) is not False:
        yield Change((*pod.at, "hostUsers"), value=False, because=BECAUSE, warning=CLAIM if pod.mounts_claim() else "")
    for at, user in (users or {}).items():
        if lookup(pod.object, at) != user:
            yield Change(at, user, NAMED)
