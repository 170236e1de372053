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

from webhook.identity import any_left, identity
from webhook.model import Change, Pointer, sequence
from webhook.pod import Pod
from webhook.registry import pod_rule

SYSCTL = {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}
LOW = range(1, 1024)


@pod_rule
def unprivileged_port(pod: Pod) -> Iterator[Change]:
    """Append the sysctl where a container's port asks for it."""
    serverless = str(pod.object.get("apiVersion")).startswith("serving.")
    if not pod.template or serverless or not pod.shape.context:
        return
    context_at, _ = pod.security_context()
    at = (*context_at, "sysctls")
    sysctls = sequence(pod.object, at)
    runs_without = pod.works_with(at)
    wanted = any(not (runs_without and pod.works_with(port)) for port in _low_ports(pod))
    if wanted and not any(sysctl.get("name") == SYSCTL["name"] for sysctl in sysctls) and not any_left(pod):
        yield Change((*at, len(sysctls)), SYSCTL, "a port below 1024 is root's otherwise")


def _low_ports(pod: Pod) -> Iterator[Pointer]:
    for container in (each for each in pod.containers() if each.part not in identity(pod).apart):
        for index, port in enumerate(sequence(pod.object, (*container.at, "ports"))):
            number = port.get("containerPort")
            if type(number) is int and number in LOW:
                yield *container.at, "ports", index, "containerPort"
