"""The webhook configuration: derived, sorted last, and nobody's object is sent twice."""

import itertools
import re

import pytest

from tests.support.installed import DEPLOYED
from webhook.objects.model import Object
from webhook.registration.configuration import NAME, ROLE, configuration
from webhook.rules import RULES
from webhook.settings.model import COMPONENTS
from webhook.settings.scopes import NAMESPACE, SCOPES, SCOPES_0_7, Scope
from webhook.workloads.kinds import KINDS, group_of

LEGACY: list[Object] = configuration(RULES.values(), SCOPES_0_7[1:], legacy=True)["webhooks"]
ENTRIES: list[Object] = configuration(RULES.values())["webhooks"]
BY_NAME = {entry["name"].removesuffix(f".{NAMESPACE}.io"): entry for entry in ENTRIES}


def selects(entry: Object, labels: dict[str, str]) -> bool:
    """Do as the API server: all requirements hold, and NotIn holds of an absent label too."""
    return all(_holds(each, labels) for each in entry["namespaceSelector"]["matchExpressions"])


def _holds(requirement: Object, labels: dict[str, str]) -> bool:
    key, operator = requirement["key"], requirement["operator"]
    if operator in {"Exists", "DoesNotExist"}:
        return bool((key in labels) == (operator == "Exists"))
    return bool((labels.get(key) in requirement["values"]) == (operator == "In"))


def test_it_sorts_last() -> None:
    assert NAME.startswith("zz-")
    assert NAME > "istio-sidecar-injector"


def test_every_entry_is_as_the_contract_has_it() -> None:
    for entry in ENTRIES:
        assert entry["timeoutSeconds"] == 5
        assert entry["sideEffects"] == "None"
        assert entry["reinvocationPolicy"] == "IfNeeded"
        assert entry["admissionReviewVersions"] == ["v1", "v1beta1"]
        assert "caBundle" not in entry["clientConfig"]  # the issuer of the certificate writes it


def test_every_kind_that_a_rule_comes_for_is_offered_once_in_each_scope() -> None:
    wanted = {kind for rule in RULES.values() for kind in rule.kinds if KINDS[kind].namespaced}
    for scope in SCOPES:
        offered = [
            (group, resource)
            for what in ("workloads", "pods", "objects", "roles")
            for rule in BY_NAME.get(f"{what}.{scope.name}", {"rules": []})["rules"]
            for group, resource in itertools.product(rule["apiGroups"], rule["resources"])
        ]
        of_tenants = {ROLE} if scope.name != "components" else set()
        assert sorted(offered) == sorted((group_of(kind), KINDS[kind].resource) for kind in wanted - of_tenants)


@pytest.mark.parametrize("chosen", range(1, 2 ** len(SCOPES)))
def test_a_namespace_that_is_kubeflows_in_several_ways_is_asked_for_once(chosen: int) -> None:
    labels = {"kubernetes.io/metadata.name": "team-a"}
    for index, scope in enumerate(SCOPES):
        if chosen >> index & 1:
            labels[scope.key] = scope.values[0]
    matching = [
        name for name, entry in BY_NAME.items() if name.startswith("workloads.") and "namespaceSelector" in entry
    ]
    assert sum(selects(BY_NAME[name], labels) for name in matching) == 1


@pytest.mark.parametrize("name", ["default", "team-a", NAMESPACE])
def test_other_namespaces_and_our_own_are_never_asked_for(name: str) -> None:
    labels = {"kubernetes.io/metadata.name": name, **({NAMESPACE: "enabled"} if name == NAMESPACE else {})}
    assert not any(selects(entry, labels) for entry in ENTRIES if "namespaceSelector" in entry)


def test_only_workloads_fail_closed() -> None:
    assert {name.partition(".")[0] for name, entry in BY_NAME.items() if entry["failurePolicy"] == "Fail"} == {
        "workloads"
    }


def test_pods_are_offered_as_they_are_created_only() -> None:
    pods = [rule for name, entry in BY_NAME.items() if name.startswith("pods.") for rule in entry["rules"]]
    assert all(rule["operations"] == ["CREATE"] for rule in pods)


def test_conditions_say_nothing_that_kubernetes_1_28_refuses() -> None:
    conditions = [condition for entry in ENTRIES for condition in entry["matchConditions"]]
    functions = {name for each in conditions for name in re.findall(r"(\w+)\(", each["expression"])}
    assert functions == {"has", "size", "exists", "filter", "startsWith", "contains"}
    assert not any(re.search(r"\.\?|\[\?", each["expression"]) for each in conditions)


def test_the_configuration_is_small_enough_to_read() -> None:
    assert DEPLOYED.stat().st_size < 64_000


def test_no_subresource_is_offered() -> None:
    assert not any("/" in resource for entry in ENTRIES for rule in entry["rules"] for resource in rule["resources"])


def test_namespaces_are_offered_by_the_labels_that_a_rule_comes_for() -> None:
    labels = {entry["objectSelector"]["matchExpressions"][0]["key"] for entry in ENTRIES if "objectSelector" in entry}
    assert labels == set(RULES["istio-injection"].labels)
    assert "kubeflow" in COMPONENTS


def test_kubernetes_1_14_is_given_only_what_it_knows() -> None:
    """It silently drops other fields, and would then call port 443 instead of another."""
    known = {"name", "admissionReviewVersions", "clientConfig", "rules", "failurePolicy", "sideEffects"}
    for entry in LEGACY:
        assert entry.keys() <= known | {"timeoutSeconds", "namespaceSelector"}
        assert entry["clientConfig"]["service"].keys() == {"name", "namespace", "path"}


def test_on_1_14_the_same_is_asked_of_namespaces_that_carry_a_label() -> None:
    """Its components opt in by label, and so do their Roles."""
    names = [entry["name"].removesuffix(f".{NAMESPACE}.io") for entry in LEGACY]
    by_name = [name.replace("roles.opted-in", "roles.components") for name in names]
    assert set(by_name) == {name for name in BY_NAME if "components" not in name} | {"roles.components"}
    for name, entry in zip(by_name, LEGACY, strict=True):
        assert entry["rules"] == BY_NAME[name]["rules"]
        assert entry["failurePolicy"] == BY_NAME[name]["failurePolicy"]


@pytest.mark.parametrize("scope", SCOPES_0_7[1:], ids=lambda scope: scope.name)
def test_on_1_14_a_labelled_namespace_is_asked_for_once_unless_it_is_the_platforms_or_ours(scope: Scope) -> None:
    labels = {scope.key: scope.values[0]}
    workloads = [entry for entry in LEGACY if entry["name"].startswith("workloads.") and "namespaceSelector" in entry]
    assert sum(selects(entry, labels) for entry in workloads) == 1
    for without in ({"openshift.io/run-level": "1"}, {"app.kubernetes.io/name": NAMESPACE}):
        assert not any(selects(entry, labels | without) for entry in workloads)


def test_on_1_14_a_namespace_is_selected_by_its_own_labels_instead_of_as_an_object() -> None:
    entries = [entry for entry in LEGACY if ".namespaces." in entry["name"]]
    for label in RULES["istio-injection"].labels:
        assert sum(selects(entry, {label: "enabled"}) for entry in entries) == 1
    assert not any(selects(entry, {"other": "label"}) for entry in entries)
