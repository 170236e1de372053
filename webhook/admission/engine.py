"""Evaluate a request: run the rules on its object, apply their changes, record a finding for each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from webhook.admission.bounds import LONGEST_ANNOTATION, TooExpensive, few, refuse_size, written
from webhook.admission.stored import Shown, admissible, advice, immutable, shown, stays
from webhook.objects import patch
from webhook.objects.model import (
    REMOVED,
    Change,
    Finding,
    Object,
    Pointer,
    Request,
    Result,
    UnknownShape,
    dotted,
    lookup,
    mapping,
    sequence,
)
from webhook.rules import RULES
from webhook.rules.registry import PodRule, Rule
from webhook.settings.model import Settings
from webhook.workloads import identity
from webhook.workloads.find import find_pod_specs, unread, view_pod
from webhook.workloads.kinds import KINDS
from webhook.workloads.pod import SKIP_ANNOTATION, PodView, Shape

MOST_NAMES: Final = 4  # unknown ones that the warning repeats
LONGEST_NAME: Final = 40
LONGEST_WARNING: Final = 1000  # characters; a response shows 256 of them
ALL_RULES: Final = tuple(RULES[rule] for rule in sorted(RULES))


class Late(Exception):
    """The deadline of the request has passed."""


@dataclass(slots=True)
class Evaluation:
    """The state of one evaluation: the object so far and what changed it."""

    request: Request
    original: Object
    object: Object
    late: Callable[[], bool]
    own: dict[int, Any] = field(default_factory=dict)  # what of the object is no longer the request's; see patch.py
    outcome: Result = field(default_factory=lambda: Result(None))
    warnings: dict[str, None] = field(default_factory=dict)  # each once, in the order in which they came
    shown: Shown | None = None
    room: int = 10  # for warnings of pods that are left as they are: each costs as much as several SCCs
    text: int = 0  # characters of the patch so far


def evaluate(
    request: Request,
    settings: Settings,
    rules: Sequence[Rule] = ALL_RULES,
    late: Callable[[], bool] = lambda: False,
) -> Result:
    """Return a request's object as the rules change it, with patch, findings and warnings.

    Pure: the request stays as it is, and the same request gives the same outcome. Each operation is applied to a copy
    of the object, and must have done what the rule wants. If it has not, or if a rule raises, that rule changes
    nothing and a warning says so.
    `late` is asked before each rule and each pod. Raises Late when it says yes.
    """
    if request.unread:
        return Result(None, warnings=[f"left alone: {request.unread}; nothing was changed or checked"])
    settings = _disable_others(rules, ALL_RULES, settings)
    concerned = [r for r in rules if request.kind in r.kinds and settings.enables(r.id, default=r.default)]
    if request.object is None or request.operation not in ("CREATE", "UPDATE") or not concerned:
        return Result(request.object)
    draft = Evaluation(request, request.object, request.object, late)
    try:
        if not _left_alone(request, draft.object, settings):
            refuse_size(request)
            _run_object_rules(draft, concerned, settings)
        outcome = draft.outcome
        return Result(draft.object, outcome.operations, outcome.findings, [*draft.warnings], outcome.failures)
    except (UnknownShape, TooExpensive) as error:
        return Result(request.object, warnings=[f"left alone: {error}"])
    except RecursionError:
        return Result(request.object, warnings=["left alone: nested too deeply"])


def _left_alone(request: Request, obj: Object, settings: Settings) -> bool:
    namespace = request.name if request.kind == "Namespace" else request.namespace
    owners = [owner for each in (obj, request.old) for owner in sequence(each, ("metadata", "ownerReferences"))]
    return bool(
        settings.exempts(namespace)
        or request.subresource not in ("", "ephemeralcontainers")
        or mapping(obj, ("metadata",)).get("deletionTimestamp")
        or (KINDS[request.kind].hashed and any(owner.get("controller") is True for owner in owners))
    )


def _run_object_rules(draft: Evaluation, rules: Sequence[Rule], settings: Settings) -> None:
    offered, rules = rules, _unless_skipped(draft, rules, ("metadata",))
    if not rules:
        return  # nor is it looked at
    settings = _disable_others(rules, offered, settings)
    for rule in rules:
        if rule.on_object:
            _apply(draft, rule, rule.on_object(draft.object, settings))
    try:
        for at, shape in find_pod_specs(draft.original, draft.request.kind):
            draft.shown = draft.shown or shown(draft.request, settings)
            _run_pod_rules(draft, rules, at, shape, settings)
            for text in unread(draft.request, at, shape):
                _warn(draft, f"left alone: {dotted(text)} sets a security context; check that OpenShift allows its IDs")
    except UnknownShape as error:
        _warn(draft, f"left alone: {error}")


def _run_pod_rules(draft: Evaluation, rules: Sequence[Rule], at: Pointer, shape: Shape, settings: Settings) -> None:
    _refuse_if_late(draft)
    of_stored = draft.shown or Shown()
    try:
        sent = view_pod(draft.request, at, shape, settings, running=of_stored.running)
        if draft.request.operation == "UPDATE":
            kept = bool(sent and stays(sent, draft.request))
            exempt = PodView(draft.original, at, shape, settings, namespace=draft.request.namespace)
            for warning in advice(sent or exempt, draft.request, of_stored, kept=kept):
                _warn(draft, warning)
            rules = () if kept else rules
        offered, rules = rules, _unless_skipped(draft, rules, sent.metadata_at()) if sent else ()
        if not sent or not rules:
            return
        if (acting := _disable_others(rules, offered, settings)) is not settings:
            sent = replace(sent, settings=acting, decided={})
        for warning in identity.warnings(sent) if draft.request.operation == "CREATE" and draft.room else ():
            draft.room = max(0, draft.room - 1)
            _warn(draft, warning)
    except UnknownShape as error:
        _warn(draft, f"left alone: {error}")
    else:
        _run(draft, [(rule, rule.on_pod) for rule in rules if rule.on_pod], sent)


def _run(draft: Evaluation, rules: Iterable[tuple[Rule, PodRule]], sent: PodView) -> None:
    """Run the rules on a pod, each on what the rules before it changed.

    One that may not change goes back to what is stored, or stays as it was sent: half of the way is rejected for sure.
    """
    view, made = sent, len(draft.outcome.operations)
    for rule, function in rules:
        if _apply(draft, rule, function(view)):
            view = sent.changed(draft.object)
    at, old = sent.at, draft.request.old
    if immutable(draft.request, at) and not patch.json_equal(lookup(draft.object, at), lookup(old, at)):
        _take_back(draft, made)


def _take_back(draft: Evaluation, made: int) -> None:
    """Undo all operations but the first `made`."""
    operations, findings = draft.outcome.operations, draft.outcome.findings
    while len(operations) > made:
        operation, finding = operations.pop(), findings.pop()
        draft.object = patch.applied(draft.object, patch.inverse(operation, finding.at, finding.before), draft.own)


def _unless_skipped(draft: Evaluation, rules: Sequence[Rule], at: Pointer) -> Sequence[Rule]:
    """Return the rules that the annotation on the object or the pod template does not skip."""
    value = mapping(draft.object, (*at, "annotations")).get(SKIP_ANNOTATION)
    if not isinstance(value, str):
        return rules
    if len(value) > LONGEST_ANNOTATION:
        _warn(
            draft, f"annotation {SKIP_ANNOTATION}: only the first {LONGEST_ANNOTATION:,} characters count; shorten it"
        )
        value = value[:LONGEST_ANNOTATION].rpartition(",")[0]  # the last name may be cut
    skipped = {part.strip() for part in value.split(",")}
    if unknown := sorted(skipped - RULES.keys() - {"none", ""}):
        names = ", ".join(name[:LONGEST_NAME] for name in unknown[:MOST_NAMES])
        more = ", ..." if len(unknown) > MOST_NAMES else ""
        _warn(draft, f"annotation {SKIP_ANNOTATION} names no rule: {names}{more}; see the command `rules`")
    return [] if "none" in skipped else [rule for rule in rules if rule.id not in skipped]


def _disable_others(rules: Sequence[Rule], offered: Sequence[Rule], settings: Settings) -> Settings:
    """Return settings that switch skipped rules off, because a rule may depend on another."""
    if len(rules) == len(offered):
        return settings
    off = dict.fromkeys({rule.id for rule in offered} - {rule.id for rule in rules}, False)
    return replace(settings, rules={**settings.rules, **off})


def _apply(draft: Evaluation, rule: Rule, wanted: Iterable[Change]) -> bool:
    """Apply all changes of one rule to a pod or object, or none. Return whether the object changed."""
    _refuse_if_late(draft)
    made = len(draft.outcome.operations)
    try:
        for change in admissible(draft.request, few(wanted, made)):
            _apply_change(draft, rule, change)
    except UnknownShape as error:
        _warn(draft, f"{rule.id}: left alone: {error}")
    except (RecursionError, TooExpensive):
        raise  # the object's depth or size, not the rule's fault
    except Exception as error:  # noqa: BLE001 - law 7: whatever a rule does, it loses its own changes, not the request
        _take_back(draft, made)
        draft.outcome.failures.append((rule.id, type(error).__name__))
        _warn(draft, f"{rule.id}: failed and changed nothing; please report it")
    return len(draft.outcome.operations) > made


def _refuse_if_late(draft: Evaluation) -> None:
    if draft.late():
        raise Late


def _apply_change(draft: Evaluation, rule: Rule, change: Change) -> None:
    """Apply one change, and check that the object then has the value."""
    before, after = lookup(draft.object, change.at), None if change.value is REMOVED else change.value
    wanted = patch.next_item(draft.object, change.at) if change.value is REMOVED else after
    for operation in patch.operations(change, draft.object):
        draft.text = written(operation, draft.text)
        draft.object = patch.applied(draft.object, operation, draft.own)
        draft.outcome.operations.append(operation)
        draft.outcome.findings.append(Finding(rule.id, change.at, before, after, change.because))
        if not patch.json_equal(lookup(draft.object, change.at), wanted):
            raise patch.DoesNotApply(f"{dotted(change.at)} is not what the rule wants")
    # Controllers rewrite their objects on every reconcile. Warn once, not each time.
    rewritten = draft.request.operation == "UPDATE" and patch.restores_stored_value(change, draft.request.old)
    if change.warning and not rewritten:
        _warn(draft, f"{rule.id}: {change.warning}")


def _warn(draft: Evaluation, warning: str) -> None:
    """Add a warning without control characters; it may quote the object."""
    draft.warnings["".join(each if each.isprintable() else "?" for each in warning[:LONGEST_WARNING])] = None
