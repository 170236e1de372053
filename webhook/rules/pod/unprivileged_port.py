"""Let a pod that listens on a port below 1024 do so without root.

OpenShift: under a UID of the namespace nobody may bind Katib 0.7's 443 and 80, a gateway's or a web server's. The
sysctl opens all ports inside the pod's own network, and the restricted SCCs admit it.

Fields:
    spec.securityContext.sysctls[net.ipv4.ip_unprivileged_port_start]

Upstream:
    https://github.com/kubeflow/katib/issues/959
    https://github.com/kubeflow/katib/issues/966
    https://github.com/kubernetes/kubernetes/issues/103298

Limits:
    The port must be declared. Left alone are pods that set the sysctl themselves, share the host's network, or are
    stored without. Switch this rule off before Kubernetes 1.22 (OpenShift 4.9), where kubelets refuse the sysctl as
    unsafe. Knative and KServe take no sysctls: the Deployments that they make get it.
"""

from collections.abc import Iterator

from webhook.objects.model import Change, Object, counterpart, lookup, sequence
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import any_left, identity
from webhook.workloads.pod import Pod

SYSCTL = {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}
LOW = range(1, 1024)


@pod_rule
def unprivileged_port(pod: Pod) -> Iterator[Change]:
    """Append the sysctl where a container's port asks for it."""
    serverless = str(pod.object.get("apiVersion")).startswith("serving.")
    of_host = lookup(pod.object, (*pod.at, "hostNetwork"))  # the API server refuses the sysctl beside it
    if not pod.template or serverless or of_host or not pod.shape.context:
        return
    context_at, _ = pod.security_context()
    at = (*context_at, "sysctls")
    sysctls = sequence(pod.object, at)
    runs_without = pod.works_with(at)
    wanted = any(not (runs_without and ports <= stored) for ports, stored in _low_ports(pod))
    if wanted and not any(sysctl.get("name") == SYSCTL["name"] for sysctl in sysctls) and not any_left(pod):
        yield Change((*at, len(sysctls)), SYSCTL, "a port below 1024 is root's otherwise")


def _low_ports(pod: Pod) -> Iterator[tuple[set[int], set[int]]]:
    """Yield which low ports each container has that has any, and which of them it has where it is stored."""
    for container in (each for each in pod.containers() if each.part not in identity(pod).apart):
        if ports := _low(sequence(pod.object, (*container.at, "ports"))):
            yield ports, _low(sequence(counterpart(pod.object, pod.working, container.at), ("ports",)))


def _low(ports: list[Object]) -> set[int]:
    return {number for port in ports if type(number := port.get("containerPort")) is int and number in LOW}
