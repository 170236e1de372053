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
    `user-namespace` lets the pod run as the image's user. The empty volume ends with the pod, and hides what an image
    of your own has there; the response warns. A container with a command keeps its working directory. A TrainJob may
    replace a runtime's image, so its JobSet gets the volume. Option `images`: further patterns and their directories.
"""

import itertools
import re
from collections.abc import Iterator

from webhook.objects.model import Change, sequence
from webhook.rules.registry import pod_rule
from webhook.workloads.identity import any_left, identity
from webhook.workloads.images import DIRECTORIES, MNIST, USERS, directories, may_be_own
from webhook.workloads.mounts import devices, may_get, mounted
from webhook.workloads.pod import POD_SPEC, PodView

BECAUSE = "the image leaves this directory to one UID"
HIDDEN = "{} is an empty volume now; check that an image of your own has no files there"


@pod_rule(options={"images": ()})
def writable_directory(pod: PodView) -> Iterator[Change]:
    """Mount an emptyDir over each directory that the image needs."""
    known = DIRECTORIES if identity(pod).users is None else {k: DIRECTORIES[k] for k in DIRECTORIES.keys() - USERS}
    table = {**known, **pod.settings.table("writable-directory", "images")}
    volumes = {str(each.get("name")): each for each in sequence(pod.object, (*pod.at, "volumes"))}
    ends = itertools.count(len(sequence(pod.object, (*pod.at, "volumes"))))
    whole = pod.template and pod.shape == POD_SPEC and pod.has_final_images()
    for container in pod.containers() if whole else ():
        image, at = str(container.value.get("image")), (*container.at, "volumeMounts")
        mounts = list(sequence(pod.object, at))
        for path in directories(image, table):
            if mounted(path, mounts + devices(container)) or not may_get(pod, container, path) or any_left(pod):
                continue
            name = f"writable{re.sub('[^a-z0-9]+', '-', path.lower())}"[:63].rstrip("-")
            volume = {"name": name, "emptyDir": {}}
            if name not in volumes:
                yield Change((*pod.at, "volumes", next(ends)), volume, BECAUSE)
            if volumes.setdefault(name, volume) == volume:  # one of this name that differs is the user's
                warning = HIDDEN.format(path) if may_be_own(image, path) else ""
                yield Change((*at, len(mounts)), {"name": name, "mountPath": path}, BECAUSE, warning)
                mounts.append({"mountPath": path})
                if path == DIRECTORIES[MNIST] and not {"command", "workingDir"} & container.value.keys():
                    yield Change((*container.at, "workingDir"), path, BECAUSE)
