"""Mount a volume over the output directories of an Argo template.

OpenShift: Nodes have no Docker. `k8sapi`, the executor of Argo 2 that needs no privilege, reads outputs from volumes
only: Argo rejects a workflow with outputs in the image's own file system. Pipelines of Kubeflow 0.7 write to
/tmp/outputs, which may belong to another UID.

Fields:
    spec.templates[*].volumes
    spec.templates[*].{container,script}.volumeMounts

Upstream:
    https://github.com/argoproj/argo-workflows/issues/2679
    https://github.com/opendatahub-io/manifests/issues/17

Limits:
    Off by default: the emissary executor of Argo 3 does not need it. Outputs in `/` itself cannot be saved. The
    volume is an emptyDir and hides the image's files in that directory. Nothing changes if something is mounted there
    or above, if an input artifact is put there, or if a template has outputs in more than 50 directories.
"""

import re
from collections.abc import Iterator

from webhook.objects.model import Change, Object, Pointer, lookup, sequence
from webhook.rules.registry import pod_rule
from webhook.workloads.pod import PodView

KINDS = ("ClusterWorkflowTemplate", "CronWorkflow", "Workflow", "WorkflowTemplate")
MOST = 50  # directories of a template
BECAUSE = "the k8sapi executor fetches outputs from volumes only"


@pod_rule(kinds=tuple(f"{kind}.argoproj.io" for kind in KINDS), default=False)
def output_directory(pod: PodView) -> Iterator[Change]:
    """Mount an emptyDir at the directory of each output."""
    for at in (pod.sent or pod).parts():  # a template that other rules set apart is still of this pod
        for part in ("container", "script"):
            if at[-2:-1] == ("templates",) and lookup(pod.object, (*at, part)) is not None:
                yield from _mount(pod.object, at, (*at, part, "volumeMounts"))


def _mount(obj: Object, at: Pointer, mounts: Pointer) -> Iterator[Change]:
    artifacts, parameters = (sequence(obj, (*at, "outputs", kind)) for kind in ("artifacts", "parameters"))
    paths = [artifact.get("path") for artifact in artifacts]
    paths += [lookup(parameter, ("valueFrom", "path")) for parameter in parameters]
    volumes, end, added = sequence(obj, (*at, "volumes")), len(sequence(obj, mounts)), 0
    names = {str(volume.get("name")) for volume in volumes}
    filled = [mount.get("mountPath") for mount in sequence(obj, mounts)]
    filled += [artifact.get("path") for artifact in sequence(obj, (*at, "inputs", "artifacts"))]
    prefixes = tuple(f"{str(path).rstrip('/')}/" for path in filled)
    directories = {str(path).rpartition("/")[0] for path in paths if str(path).startswith("/")} - {""}
    for directory in sorted(directories) if len(directories) <= MOST else ():
        name = f"output{re.sub('[^a-z0-9]+', '-', directory.lower())[-50:]}".rstrip("-")
        if name not in names and not f"{directory}/".startswith(prefixes):
            yield Change((*at, "volumes", len(volumes) + added), {"name": name, "emptyDir": {}}, BECAUSE)
            yield Change((*mounts, end + added), {"name": name, "mountPath": directory}, BECAUSE)
            names, prefixes, added = names | {name}, (*prefixes, f"{directory}/"), added + 1
