"""Mount a writable volume over a directory that an image leaves to one UID.

OpenShift: Containers run under a UID of the namespace and group 0. Notebook images leave /home/jovyan to UID 1000 or
group 100, and Jupyter does not start. PyTorch's MNIST example writes to root's /var: it gets /data as a volume
and as its working directory. PyTorch's own image leaves /workspace to root, and Kubeflow's SDK writes the training
function there.

Fields:
    spec.volumes
    spec.{initContainers,containers}[*].{volumeMounts,workingDir}

Upstream:
    https://github.com/kubeflow/kubeflow/issues/4537

Limits:
    Nothing changes if something is mounted there or above, if the stored pod has no such volume, or if the rule
    `user-namespace` lets the pod run as the image's user. The volume is empty and ends with the pod. It hides what an
    image of your own has there; the response warns. A container with a command keeps its working directory. Training
    runtimes stay as they are, because a TrainJob may replace the image; its JobSet gets the volume. Option `images`
    extends the table: regular expression to directory.
"""

import itertools
import re
from collections.abc import Iterator

from webhook.objects.model import Change, Object, same_field_in, sequence
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import any_left, identity
from webhook.workloads.images import DIRECTORIES, MNIST, USERS, directories, may_be_own
from webhook.workloads.pod import POD_SPEC, Container, PodView

BECAUSE = "the image leaves this directory to one UID"
HIDDEN = "{} is an empty volume now; check that an image of your own has no files there"


@pod_rule(options={"images": ()})
def writable_directory(pod: PodView) -> Iterator[Change]:
    """Mount an emptyDir over each directory that the image needs."""
    known = DIRECTORIES if identity(pod).users is None else {k: DIRECTORIES[k] for k in DIRECTORIES.keys() - USERS}
    table = {**known, **pod.settings.table("writable-directory", "images")}
    given = sequence(pod.object, (*pod.at, "volumes"))
    volumes, ends = {str(each.get("name")): each for each in given}, itertools.count(len(given))
    whole = pod.template and pod.shape == POD_SPEC and pod.has_final_images()
    for container in pod.containers() if whole else ():
        image, at = str(container.value.get("image")), (*container.at, "volumeMounts")
        needed = directories(image, table)
        mounts = list(sequence(pod.object, at)) if needed else []
        devices = [{"mountPath": each.get("devicePath")} for each in sequence(container.value, ("volumeDevices",))]
        for path in needed:
            if not _mounted(path, [*mounts, *devices]) and _is_new(pod, container, path) and not any_left(pod):
                name = f"writable{re.sub('[^a-z0-9]+', '-', path.lower())}"[:63].rstrip("-")
                if volumes.setdefault(name, volume := {"name": name, "emptyDir": {}}) != volume:
                    continue  # a volume of this name is the user's
                if volumes[name] is volume:
                    yield Change((*pod.at, "volumes", next(ends)), volume, BECAUSE)
                warning = HIDDEN.format(path) if may_be_own(image, path) else ""
                yield Change((*at, len(mounts)), {"name": name, "mountPath": path}, BECAUSE, warning)
                mounts.append({"mountPath": path})
                if path == DIRECTORIES[MNIST] and not {"command", "workingDir"} & container.value.keys():
                    yield Change((*container.at, "workingDir"), path, BECAUSE)


def _is_new(pod: PodView, container: Container, path: str) -> bool:
    """Check whether the container has a new image, or had the directory already; a running one stays as it is."""
    stored = sequence(same_field_in(pod.object, pod.running, (*container.at, "volumeMounts")), ())
    return _mounted(path, stored) or not pod.runs_with((*container.at, "image"))


def _mounted(path: str, mounts: list[Object]) -> bool:
    return any(f"{path}/".startswith(f"{str(mount.get('mountPath')).rstrip('/')}/") for mount in mounts)
