"""Replace ReadWriteMany by ReadWriteOnce on a cluster without such storage.

OpenShift: Most clusters have no storage class for `ReadWriteMany`, and the claims of Kubeflow's examples stay
pending. Off by default: a cluster that has such storage does not need it.

Fields:
    spec.accessModes
    spec.volumeClaimTemplates[*].spec.accessModes

Upstream:
    https://github.com/kubeflow/trainer/issues/1159

Limits:
    Pods on several nodes can no longer share the volume; the response warns. A stored claim keeps its modes, which
    are immutable. Other modes and PersistentVolumes stay.
"""

from collections.abc import Iterator

from webhook.objects.model import Change, Object, string_list
from webhook.rules.registry import object_rule
from webhook.settings.model import Settings
from webhook.workloads.pod import expand

MANY, ONCE = "ReadWriteMany", "ReadWriteOnce"
WARNING = "pods on several nodes can no longer share the volume"


@object_rule("PersistentVolumeClaim", "StatefulSet.apps", default=False)
def access_mode(claimant: Object, _settings: Settings) -> Iterator[Change]:
    """Replace ReadWriteMany by ReadWriteOnce."""
    for path in ("spec.accessModes", "spec.volumeClaimTemplates.*.spec.accessModes"):
        for at in expand(claimant, (), path):
            modes = string_list(claimant, at)
            if MANY in modes:
                once = list(dict.fromkeys(ONCE if mode == MANY else mode for mode in modes))
                yield Change(at, once, "this cluster has no storage that several nodes can write", WARNING)
