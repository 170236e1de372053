"""Let a pod listen on a port below 1024 without root.

OpenShift: A UID of the namespace cannot bind port 443 or 80, which Katib 0.7, gateways and web servers use. The
sysctl opens all ports in the pod's own network, and the restricted SCCs admit it.

Fields:
    spec.securityContext.sysctls[net.ipv4.ip_unprivileged_port_start]

Upstream:
    https://github.com/kubeflow/katib/issues/959
    https://github.com/kubeflow/katib/issues/966
    https://github.com/kubernetes/kubernetes/issues/103298

Limits:
    The port must be declared. Pods that set the sysctl themselves, share the host's network, or are stored without it
    are not changed. Switch this rule off before Kubernetes 1.22 (OpenShift 4.9), whose kubelets reject the sysctl as
    unsafe. Knative and KServe accept no sysctls: the Deployments that they create get it.
"""

from collections.abc import Iterator

from webhook.objects.model import Change, Object, lookup, same_field_in, sequence
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import any_left, identity
from webhook.workloads.pod import PodView

SYSCTL = {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}
LOW = range(1, 1024)


@pod_rule
def unprivileged_port(pod: PodView) -> Iterator[Change]:
    """Append the sysctl if a container declares such a port."""
    serverless = str(pod.object.get("apiVersion")).startswith("serving.")
    of_host = lookup(pod.object, (*pod.at, "hostNetwork"))  # the API server rejects the sysctl beside it
    if not pod.template or serverless or of_host or not pod.shape.context:
        return
    context_at, _ = pod.security_context()
    at = (*context_at, "sysctls")
    sysctls = sequence(pod.object, at)
    runs_without = pod.runs_with(at)
    wanted = any(not (runs_without and ports <= stored) for ports, stored in _low_ports(pod))
    if wanted and not any(sysctl.get("name") == SYSCTL["name"] for sysctl in sysctls) and not any_left(pod):
        yield Change((*at, len(sysctls)), SYSCTL, "without it only root may bind a port below 1024")


def _low_ports(pod: PodView) -> Iterator[tuple[set[int], set[int]]]:
    """Yield the low ports of each container, and those that it has where it is stored."""
    for container in (each for each in pod.containers() if each.part not in identity(pod).apart):
        if ports := _low(sequence(pod.object, (*container.at, "ports"))):
            yield ports, _low(sequence(same_field_in(pod.object, pod.running, container.at), ("ports",)))


def _low(ports: list[Object]) -> set[int]:
    return {number for port in ports if type(number := port.get("containerPort")) is int and number in LOW}
