"""The MutatingWebhookConfiguration: which objects the API server sends, from the rules and KINDS."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from webhook.objects.model import Object
from webhook.registration.conditions import CONDITIONS
from webhook.rules.registry import Rule
from webhook.settings.scopes import NAMESPACE, SCOPES, Scope
from webhook.workloads.kinds import KINDS, group_of

NAME: Final = "zz-kubeflow-openshift"
"""Sorts last: webhooks run in the order of their names, and SCC judges again after each."""
ROLE: Final = "Role.rbac.authorization.k8s.io"


SINCE_1_14: Final = {"matchConditions", "matchPolicy", "objectSelector", "reinvocationPolicy"}
"""The fields of an entry that Kubernetes 1.14 drops silently, like the Service's port."""

NOT_OF_THE_PLATFORM_1_14: Final = (
    {"key": "openshift.io/run-level", "operator": "DoesNotExist"},
    {"key": "app.kubernetes.io/name", "operator": "NotIn", "values": [NAMESPACE]},
)
"""The platform's namespaces and the webhook's own, where no label and no condition has a namespace's name."""


def configuration(rules: Iterable[Rule], scopes: Sequence[Scope] = SCOPES, *, legacy: bool = False) -> Object:
    """Return the MutatingWebhookConfiguration for these rules.

    `legacy`: for OpenShift 4.2, which is Kubernetes 1.14, where no label has a namespace's name.
    """
    rules = list(rules)
    entries = [*_namespaced_entries(rules, scopes), *_cluster_entries(rules), *_namespace_entries(rules)]
    return {
        "apiVersion": f"admissionregistration.k8s.io/{'v1beta1' if legacy else 'v1'}",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": NAME},
        "webhooks": [_of_1_14(entry) for entry in entries] if legacy else entries,
    }


def _offered(rules: list[Rule], *, namespaced: bool) -> tuple[list[str], list[str]]:
    """Return the kinds with pods that rules need, and the kinds without pods."""
    wanted = {kind for rule in rules for kind in rule.kinds if kind != "Namespace"}
    found = [kind for kind in KINDS if kind in wanted and KINDS[kind].namespaced == namespaced]
    workloads = [kind for kind in found if KINDS[kind].pods or KINDS[kind].objects]
    return workloads, [kind for kind in found if kind not in workloads]


def _namespaced_entries(rules: list[Rule], scopes: Sequence[Scope]) -> Iterator[Object]:
    """Yield for each scope an entry for workloads, one for Pods and one for other objects; in components one for Roles.

    Workloads fail closed: SCC would reject the pods of an unchanged workload, and users can apply it again. The others
    fail open: SCC has judged Pods and judges them again, and a missing webhook must not stop a running system.
    """
    workloads, objects = _offered(rules, namespaced=True)
    for index, scope in enumerate(scopes):
        # Each scope leaves out the namespaces of those before it, so that no object is sent twice.
        others = [earlier.others() for earlier in scopes[:index]]
        selector = [scope.chosen(), *others, {"key": SCOPES[0].key, "operator": "NotIn", "values": [NAMESPACE]}]
        entries = [
            _entry(f"workloads.{scope.name}", [kind for kind in workloads if kind != "Pod"], "workloads", "Fail"),
            _entry(f"pods.{scope.name}", ["Pod"], "pods", "Ignore"),
            _entry(f"objects.{scope.name}", [kind for kind in objects if kind != ROLE], "objects", "Ignore"),
        ]
        if index == 0:  # tenants write the Roles of the others, and the rule leaves those alone
            entries.append(_entry(f"roles.{scope.name}", [ROLE], "roles", "Ignore"))
        for entry in entries:
            yield {**entry, "namespaceSelector": {"matchExpressions": selector}}


def _cluster_entries(rules: list[Rule]) -> Iterator[Object]:
    """Yield an entry for Kubeflow's cluster-wide kinds with pods, and one for ClusterRoles."""
    workloads, roles = _offered(rules, namespaced=False)
    yield _entry("workloads.cluster", workloads, "cluster-workloads", "Fail")
    yield _entry("roles.cluster", roles, "cluster-roles", "Ignore")


def _namespace_entries(rules: list[Rule]) -> Iterator[Object]:
    """Yield an entry for each Namespace label that a rule needs. No Namespace is sent twice."""
    labels = sorted({label for rule in rules if "Namespace" in rule.kinds for label in rule.labels})
    for index, label in enumerate(labels):
        earlier = [{"key": each, "operator": "DoesNotExist"} for each in labels[:index]]
        yield {
            **_entry(f"{label.replace('.', '-').replace('/', '-')}.namespaces", ["Namespace"], "namespaces", "Ignore"),
            "objectSelector": {"matchExpressions": [{"key": label, "operator": "Exists"}, *earlier]},
        }


def _entry(name: str, kinds: list[str], conditions: str, policy: str) -> Object:
    return {
        "name": f"{name}.{NAMESPACE}.io",
        "admissionReviewVersions": ["v1", "v1beta1"],
        "clientConfig": {"service": {"name": NAMESPACE, "namespace": NAMESPACE, "path": "/mutate", "port": 8443}},
        "rules": list(_match_rules(kinds)),
        "failurePolicy": policy,
        "matchConditions": CONDITIONS[conditions],
        "matchPolicy": "Equivalent",
        "reinvocationPolicy": "IfNeeded",
        "sideEffects": "None",
        "timeoutSeconds": 5,
    }


def _match_rules(kinds: list[str]) -> Iterator[Object]:
    """Return match rules, grouped by API group and operations. They match every version: rules check shapes."""
    together: dict[tuple[Any, ...], list[str]] = {}
    for kind in kinds:
        facts = KINDS[kind]
        together.setdefault((group_of(kind), facts.operations, facts.namespaced), []).append(facts.resource)
    for (group, operations, namespaced), resources in sorted(together.items()):
        yield {
            "apiGroups": [group],
            "apiVersions": ["*"],
            "operations": list(operations),
            "resources": sorted(resources),
            "scope": "Namespaced" if namespaced else "Cluster",
        }


def _of_1_14(entry: Object) -> Object:
    """Return an entry that Kubernetes 1.14 can read: the Service on port 443, namespaces selected by label.

    A Namespace is selected by its own labels, so what selects objects by label selects namespaces.
    """
    selector = entry.get("namespaceSelector") or entry.get("objectSelector")
    service = {key: value for key, value in entry["clientConfig"]["service"].items() if key != "port"}
    legacy = {key: value for key, value in entry.items() if key not in SINCE_1_14} | {
        "clientConfig": {"service": service}
    }
    if selector:
        labels = [each for each in selector["matchExpressions"] if each["key"] != SCOPES[0].key]
        legacy["namespaceSelector"] = {"matchExpressions": [*labels, *NOT_OF_THE_PLATFORM_1_14]}
    return legacy
