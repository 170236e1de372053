"""Find pod specs in objects of kinds that the webhook does not know."""

from collections import deque
from typing import Any

from webhook.objects.model import HOLDERS, Object, Pointer


def pod_spec_at(obj: Object) -> Pointer | None:
    """Return the pointer of the outermost map that looks like a pod spec, or None."""
    found: deque[tuple[Pointer, Any]] = deque([((), obj)])
    while found:
        at, value = found.popleft()
        if isinstance(value, dict) and _has_containers(value):
            return at
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        found.extend(((*at, part), each) for part, each in inner if isinstance(each, HOLDERS))
    return None


def _has_containers(value: Object) -> bool:
    containers = value.get("containers")
    return isinstance(containers, list) and any(isinstance(each, dict) and "image" in each for each in containers)
