"""What is mounted in a container, and whether it may get one more volume."""

from webhook.objects.model import Object, same_field_in, sequence
from webhook.workloads.pod import Container, PodView


def mounted(path: str, mounts: list[Object]) -> bool:
    """Check whether something is mounted at a path or above."""
    return any(f"{path}/".startswith(f"{str(mount.get('mountPath')).rstrip('/')}/") for mount in mounts)


def devices(container: Container) -> list[Object]:
    """Return the block devices of a container as if they were mounts."""
    return [{"mountPath": each.get("devicePath")} for each in sequence(container.value, ("volumeDevices",))]


def may_get(pod: PodView, container: Container, path: str) -> bool:
    """Check whether the container has a new image, or had the path mounted already; a running one stays as it is."""
    stored = sequence(same_field_in(pod.object, pod.running, (*container.at, "volumeMounts")), ())
    return mounted(path, stored) or not pod.runs_with((*container.at, "image"))
