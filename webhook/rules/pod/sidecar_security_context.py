"""Give a container that another webhook injected the security context that SCC assigns.

OpenShift: SCC judges a Pod before webhooks see it, and again at the end, when nothing may be missing. Katib, KServe
and Istio inject a container in between, without a security context or with UID 1337. The second judgement rejects
the Pod: on 4.2, where SCC assigns only once, for either reason; since 4.3 for the UID.

Fields:
    spec.{initContainers,containers,ephemeralContainers}[*].securityContext

Upstream:
    https://github.com/kubeflow/katib/pull/964
    https://github.com/kubeflow/kfserving/pull/613
    https://github.com/kserve/kserve/pull/3316

Limits:
    Only Pods that `restricted` or `restricted-v2` admitted, and only what that SCC assigns. The Pod's fsGroup and the
    UIDs of its other containers tell the namespace's range. `istio-proxy` and `istio-validation` get the second UID
    of that range, because Istio's CNI plugin redirects no traffic of their UID. So does a container that was given
    their UID, such as KServe's `storage-initializer`. If the Pod does not tell the range, it stays rejected and the
    response warns. A Pod with a container that the SCC rejects whatever its UID is not
    changed.
"""

from collections.abc import Iterator

from webhook.objects.model import REMOVED, Change, string_list
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import completed
from webhook.workloads.pod import PodView

BECAUSE = "a webhook injected this container after SCC had judged the Pod"


@pod_rule(kinds=("Pod",))
def sidecar_security_context(pod: PodView) -> Iterator[Change]:
    """Complete every container with what the SCC that admitted the Pod assigns."""
    for container, given in zip(pod.containers(), completed(pod), strict=False):
        at, context = container.context_at, container.context
        for field in ("runAsUser", "runAsGroup", "runAsNonRoot", "allowPrivilegeEscalation"):
            if given.get(field) != context.get(field):
                yield Change((*at, field), given.get(field, REMOVED), BECAUSE)
        drop = (*at, "capabilities", "drop")
        if (dropped := string_list(given, drop[-2:])) != string_list(pod.object, drop):
            yield Change(drop, dropped, BECAUSE)
