"""The privilege that a pod requests and does not need. A rule drops it, and SCC judges the pod without it."""

import re
from typing import Final

from webhook.objects.model import Pointer
from webhook.workloads.pod import PodView

WITHOUT_PRIVILEGE: Final = re.compile(r"(^|/)metacontroller(io)?/metacontroller([:@]|$)")
"""Images that request privilege and work without it."""
PRIVILEGE: Final = {"allowPrivilegeEscalation", "privileged"}


def unneeded(pod: PodView) -> list[Pointer]:
    """Return the pointers of privilege that a pod requests and does not need: one container, as upstream ships it."""
    pod = pod.sent or pod
    containers, on = pod.containers(), pod.settings.enables("unneeded-privilege", default=True)
    if not on or len(containers) != 1 or pod.object.get("kind") not in ("Deployment", "StatefulSet"):
        return []
    (container,) = containers
    known = WITHOUT_PRIVILEGE.search(str(container.value.get("image"))) and "ports" not in container.value
    alone = not pod.security_context()[1] and container.context.keys() <= PRIVILEGE
    if not (known and alone and container.context.get("privileged") is True):
        return []
    asked = [(*container.context_at, key) for key in sorted(container.context) if container.context[key] is True]
    return [at for at in asked if not pod.runs_with(at)]
