"""The registry refuses a bad rule at import, with a sentence that says what to fix."""

import sys
import types
from collections.abc import Iterator

import pytest

from webhook.objects.model import Change
from webhook.rules import page as documentation
from webhook.rules import registry
from webhook.rules.pod import fs_group
from webhook.rules.registry import RULES, BadRule, object_rule, pod_rule

PAGE = fs_group.__doc__


def function(name: str, module: str, page: str | None = PAGE, body: str = "yield from ()") -> registry.PodRule:
    """Make a rule's function as if it stood in a module of its own."""
    made = types.ModuleType(f"webhook.rules.pod.{module}", page)
    sys.modules[made.__name__] = made
    exec(f"def {name}(pod):\n    {body}", made.__dict__)
    found: registry.PodRule = getattr(made, name)
    return found


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """Leave the registry and the modules as they were."""
    rules, modules = dict(RULES), dict(sys.modules)
    yield
    RULES.clear()
    RULES.update(rules)
    for name in sys.modules.keys() - modules.keys():
        del sys.modules[name]


def test_a_good_rule_is_registered_under_the_name_of_its_module() -> None:
    pod_rule(function("no_host_ports", "no_host_ports"))
    assert RULES["no-host-ports"].page.summary == "Drop the fsGroup that OpenShift did not allocate."


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (function("other", "mine"), "its name must be its module's, mine"),
        (function("fs_group", "fs_group"), "registered already"),
        (function("mine", "mine", page=None), "the first line of the docstring must be one sentence"),
        (
            function("mine", "mine", page="One sentence.\n\nFields:\n    a"),
            "must be OpenShift, Fields, Upstream, Limits",
        ),
        (function("mine", "mine", body="return []"), "it must yield its changes"),
    ],
    ids=["name", "twice", "no-page", "half-a-page", "no-generator"],
)
def test_a_bad_rule_is_refused(bad: registry.PodRule, reason: str) -> None:
    sys.modules[bad.__module__] = types.ModuleType(bad.__module__, bad.__globals__["__doc__"])
    with pytest.raises(BadRule, match=reason):
        pod_rule(bad)


@pytest.mark.parametrize(
    ("kinds", "reason"), [(("Deployment.app",), "Deployment.app"), ((), "no kind"), (("Namespace",), "Namespace")]
)
def test_a_pod_rule_that_would_never_run_is_refused(kinds: tuple[str, ...], reason: str) -> None:
    with pytest.raises(BadRule, match=f"it would never run: it names {reason}"):
        pod_rule(kinds=kinds)(function("mine", "mine"))


def test_an_object_rule_of_an_unknown_kind_is_refused() -> None:
    def mine(_obj: object, _settings: object) -> Iterator[Change]:
        yield from ()

    mine.__module__ = function("mine", "mine").__module__
    with pytest.raises(BadRule, match="Nothing"):
        object_rule("Nothing")(mine)


def test_a_section_that_says_nothing_is_no_page() -> None:
    page = "Do it.\n\nOpenShift: why.\n\nFields:\n\nUpstream:\n    link\n\nLimits:\n    none\n"
    with pytest.raises(documentation.PageError, match="say nothing: Fields"):
        documentation.parse(page)


def test_rules_import_nothing_but_the_model_and_the_registry() -> None:
    """import-linter forbids the doors; this one names what is left."""
    allowed = {"re", "collections", "webhook"}
    for rule in RULES.values():
        used = rule.on_pod or rule.on_object
        assert used is not None
        imported = {
            getattr(value, "__module__", "").partition(".")[0]
            for value in used.__globals__.values()
            if isinstance(value, type | types.FunctionType)
        }
        assert imported <= allowed, rule.id
