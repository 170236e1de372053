"""Give a container that another webhook injected the security context that SCC would have given it.

OpenShift: SCC judges a Pod before webhooks see it, and again at the end, when nothing may be missing. A container
injected in between (Katib, KServe, Istio) without a security context, or with UID 1337, gets the Pod refused:
on 4.2, where SCC assigns only once, for either; since 4.3 for the UID.

Fields:
    spec.{initContainers,containers,ephemeralContainers}[*].securityContext

Upstream:
    https://github.com/kubeflow/katib/pull/964
    https://github.com/kubeflow/kfserving/pull/613

Limits:
    Only Pods that `restricted` or `restricted-v2` admitted. What is given follows from the SCC; siblings tell only the
    allocated UID. A container that asks for privilege or for other capabilities is left for SCC to refuse.
"""

from collections.abc import Iterator

from webhook.model import REMOVED, Change, strings
from webhook.pod import Container, Pod
from webhook.registry import pod_rule
from webhook.scc.defaults import SCCS, Scc
from webhook.scc.strategies import capabilities

BECAUSE = "a webhook injected this container after SCC had judged the Pod"


@pod_rule(kinds=("Pod",))
def sidecar_security_context(pod: Pod) -> Iterator[Change]:
    """Complete every container to what the SCC that admitted the Pod assigns."""
    if pod.scc in ("restricted", "restricted-v2") and not pod.identity_kept:
        users = [container.context.get("runAsUser") for container in pod.containers()]
        allocated = min((user for user in users if pod.allocated(user)), default=REMOVED)
        for container in pod.containers():
            yield from _complete(pod, SCCS[pod.scc], container, allocated)


def _complete(pod: Pod, scc: Scc, container: Container, allocated: object) -> Iterator[Change]:
    (pod_at, inherited), at, context = pod.security_context(), container.context_at, container.context
    add, drop = (strings(pod.object, (*at, "capabilities", key)) for key in ("add", "drop"))
    if set(add) - set(scc.get("allowedCapabilities", ())):
        return
    value, user = REMOVED if pod.allocated(inherited.get("runAsUser")) else allocated, context.get("runAsUser")
    foreign = pod.foreign((*at, "runAsUser")) and not (value is REMOVED and pod.makes_root())
    if foreign or (user is None and value is not REMOVED):
        yield Change((*at, "runAsUser"), value, BECAUSE)
    if (non_root := context.get("runAsNonRoot")) is None:
        pod_becomes_it = pod.foreign((*pod_at, "runAsUser")) and inherited["runAsUser"] != 0  # by run-as-user
        non_root = pod_becomes_it or inherited.get("runAsNonRoot")
    may_be_root = non_root is False and not (foreign and user != 0)
    if non_root is not True and not may_be_root:
        yield Change((*at, "runAsNonRoot"), value=True, because=BECAUSE)
    assigned = capabilities(scc, {"drop": drop}) or {}
    if assigned["drop"] != drop:
        yield Change((*at, "capabilities", "drop"), assigned["drop"], BECAUSE)
    if scc.get("allowPrivilegeEscalation") is False and context.get("allowPrivilegeEscalation") is None:
        yield Change((*at, "allowPrivilegeEscalation"), value=False, because=BECAUSE)
