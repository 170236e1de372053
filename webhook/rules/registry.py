"""@pod_rule, @object_rule and RULES: how a function becomes a rule, and why it may be refused at import."""

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, overload

from webhook.objects.model import Change, Object
from webhook.rules.page import Page, PageError, parse
from webhook.settings.model import PATTERNS, Options, Settings
from webhook.workloads.kinds import KINDS
from webhook.workloads.pod import PodView

PodRule = Callable[[PodView], Iterator[Change]]
ObjectRule = Callable[[Object, Settings], Iterator[Change]]

POD_KINDS: Final = tuple(kind for kind, facts in KINDS.items() if facts.pods or facts.objects)


@dataclass(frozen=True, slots=True)
class Rule:
    """A registered rule: what it is offered, its function for it, and its page."""

    id: str
    on_pod: PodRule | None
    on_object: ObjectRule | None
    kinds: tuple[str, ...]
    labels: tuple[str, ...]
    """An object without any of these labels does not concern the rule; empty where labels do not matter."""
    default: bool
    options: Options
    page: Page

    def facts(self) -> str:
        """Return one line on what the rule is offered, whether it is on, and what can be chosen."""
        kinds = "every kind with pods" if self.kinds == POD_KINDS else ", ".join(self.kinds)
        forms = {(): "a mapping of strings", PATTERNS: "a list of patterns"}
        options = "".join(
            f"; option `{name}`: {forms.get(values, ', '.join(values))}" for name, values in self.options.items()
        )
        return f"Kinds: {kinds}; {'on' if self.default else 'off'} by default{options}."


class BadRule(Exception):
    """A rule cannot be registered; the message names it and says what to fix."""


RULES: Final[dict[str, Rule]] = {}


@overload
def pod_rule(function: PodRule, /) -> PodRule: ...
@overload
def pod_rule(
    *, kinds: tuple[str, ...] = ..., default: bool = ..., options: Options | None = ...
) -> Callable[[PodRule], PodRule]: ...
def pod_rule(
    function: PodRule | None = None,
    /,
    *,
    kinds: tuple[str, ...] = POD_KINDS,
    default: bool = True,
    options: Options | None = None,
) -> PodRule | Callable[[PodRule], PodRule]:
    """Register a rule that is offered every pod template of some kinds, one at a time."""

    def register(function: PodRule) -> PodRule:
        rule, page = _named(function, kinds, POD_KINDS)
        RULES[rule] = Rule(rule, function, None, kinds, (), default, options or {}, page)
        return function

    return register(function) if function else register


def object_rule(
    *kinds: str,
    labels: tuple[str, ...] = (),
    default: bool = True,
    options: Options | None = None,
) -> Callable[[ObjectRule], ObjectRule]:
    """Register a rule that is offered whole objects of some kinds."""

    def register(function: ObjectRule) -> ObjectRule:
        rule, page = _named(function, kinds, tuple(KINDS))
        RULES[rule] = Rule(rule, None, function, kinds, labels, default, options or {}, page)
        return function

    return register


def _named(function: PodRule | ObjectRule, kinds: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, Page]:
    """Return the ID and the page of a function that may become a rule. Raises BadRule."""
    module = function.__module__.rpartition(".")[2]
    rule = module.replace("_", "-")
    if function.__name__ != module:
        raise BadRule(f"{rule}: the function is called {function.__name__}; its name must be its module's, {module}")
    if not inspect.isgeneratorfunction(function):
        raise BadRule(f"{rule}: the function returns; it must yield its changes, so that what it raises stays its own")
    if rule in RULES:
        raise BadRule(f"{rule}: a rule of this name is registered already")
    if not kinds or (unknown := [kind for kind in kinds if kind not in known]):
        raise BadRule(f"{rule}: it would never run: it names {', '.join(unknown) if kinds else 'no kind'}; see KINDS")
    try:
        page = parse(sys.modules[function.__module__].__doc__ or "")
    except PageError as error:
        raise BadRule(f"{rule}: {error}") from None
    return rule, page
