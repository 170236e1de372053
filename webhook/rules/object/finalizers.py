"""Let controllers own what they create: add `update` on the finalizers of its owners.

OpenShift: Controllers create objects that block the deletion of their owner. OpenShift then requires the right to
update the owner's finalizers. Upstream's roles lack it, because other clusters do not check it.

Fields:
    rules

Upstream:
    https://github.com/kubeflow/kubeflow/issues/3086
    https://github.com/kubeflow/trainer/issues/1552

Limits:
    One entry per API group, for what the role may already create or update. Aggregated roles, their components, roles
    of more than 1,000 rules and a Role of tenants stay: RBAC requires the writer of a Role to hold all of it.
"""

from collections.abc import Iterator

from webhook.objects.model import Change, Object, lookup, mapping, sequence, string_list
from webhook.rules.registry import object_rule
from webhook.settings.model import COMPONENTS, Settings

MOST, KEYS = 1000, ("apiGroups", "verbs", "resources")  # of the rules of a role
JOBS = ("mpijobs", "mxjobs", "paddlejobs", "pytorchjobs", "scheduledworkflows", "tfjobs", "xgboostjobs")
OWNERS = {
    "argoproj.io": ("cronworkflows", "workflows"),
    "jobset.x-k8s.io": ("jobsets",),
    "kubeflow.org": ("experiments", *JOBS, "notebooks", "profiles", "pvcviewers", "suggestions", "trials", "viewers"),
    "machinelearning.seldon.io": ("seldondeployments",),
    **dict.fromkeys(("serving.kserve.io", "serving.kubeflow.org"), ("inferenceservices",)),
    "sparkoperator.k8s.io": ("scheduledsparkapplications", "sparkapplications"),
    "tensorboard.kubeflow.org": ("tensorboards",),
    "trainer.kubeflow.org": ("trainjobs",),
}
BECAUSE = "a controller needs update on the finalizers of the owners of what it creates"


@object_rule("Role.rbac.authorization.k8s.io", "ClusterRole.rbac.authorization.k8s.io")
def finalizers(role: Object, _settings: Settings) -> Iterator[Change]:
    """Append what is missing for each API group."""
    end, labels = len(sequence(role, ("rules",))), mapping(role, ("metadata", "labels"))
    aggregated = role.get("aggregationRule") is not None or any("aggregate-to-" in label for label in labels)
    of_tenants = role.get("kind") == "Role" and lookup(role, ("metadata", "namespace")) not in COMPONENTS
    for group, names in () if aggregated or of_tenants or end > MOST else OWNERS.items():
        may, has = _granted(role, group, {"create", "update", "*"}), _granted(role, group, {"update", "*"})
        wanted = [f"{name}/finalizers" for name in sorted(may.intersection(names))]
        if missing := [name for name in wanted if not has & {name, "*/finalizers", "*"}]:
            yield Change(("rules", end), {"apiGroups": [group], "resources": missing, "verbs": ["update"]}, BECAUSE)
            end += 1


def _granted(role: Object, group: str, verbs: set[str]) -> set[str]:
    granted: set[str] = set()
    for index, rule in enumerate(sequence(role, ("rules",))):
        groups, allowed, resources = (string_list(role, ("rules", index, key)) for key in KEYS)
        if not rule.get("resourceNames") and verbs.intersection(allowed) and {group, "*"}.intersection(groups):
            granted.update(resources)
    return granted
