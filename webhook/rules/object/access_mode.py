"""Ask for ReadWriteOnce where a cluster has no storage for ReadWriteMany.

OpenShift: most clusters have no storage class for `ReadWriteMany`, and the claims of Kubeflow's examples that ask for
it stay pending for ever. Off by default: on a cluster that has such storage nothing is to be mended.

Fields:
    spec.accessModes
    spec.volumeClaimTemplates[*].spec.accessModes

Upstream:
    https://github.com/kubeflow/trainer/issues/1159

Limits:
    Pods on several nodes cannot share the volume any more; the response warns. A claim that is stored keeps its modes:
    they are immutable. Other modes stay, and so do PersistentVolumes.
"""

from collections.abc import Iterator

from webhook.objects.model import Change, Object, strings
from webhook.rules.registry import object_rule
from webhook.settings.model import Settings
from webhook.workloads.pod import expand

MANY, ONCE = "ReadWriteMany", "ReadWriteOnce"
WARNING = "pods on several nodes cannot share the volume any more"


@object_rule("PersistentVolumeClaim", "StatefulSet.apps", default=False)
def access_mode(claimant: Object, _settings: Settings) -> Iterator[Change]:
    """Replace ReadWriteMany by ReadWriteOnce."""
    for path in ("spec.accessModes", "spec.volumeClaimTemplates.*.spec.accessModes"):
        for at in expand(claimant, (), path):
            modes = strings(claimant, at)
            if MANY in modes:
                once = list(dict.fromkeys(ONCE if mode == MANY else mode for mode in modes))
                yield Change(at, once, "this cluster has no storage that several nodes can write", WARNING)
