"""Format the verdicts of `check` for people: a block for each object, alike ones together, and no name cut."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from webhook.offline.check import TemplateVerdict
from webhook.offline.reasons import brief, reasons
from webhook.offline.report import BARE_POD, counts, kind, name
from webhook.settings.scopes import platform

OPT_IN: Final = "oc label namespace {} kubeflow-openshift=enabled"
REJECTED: Final = "rejected"
STYLE: Final = {REJECTED: "red"}


def as_text(templates: Sequence[TemplateVerdict], console: Console) -> None:
    """Print the rejected pods and the warnings, what stays rejected last, and a summary."""
    wrapper = textwrap.TextWrapper(console.width, "  ", "    ", break_long_words=False, break_on_hyphens=False)
    alike: dict[tuple[str, ...], list[TemplateVerdict]] = {}
    for each in templates:
        if each.warnings or not (each.before.admitted_by and each.after.admitted_by):
            alike.setdefault((name(each), *_verdicts(each), *_facts(each)), []).append(each)
    for (title, before, after, *facts), some in sorted(alike.items(), key=_urgency):
        print_whole(console, Text(title, "bold"))
        for line in _places(some):
            print_whole(console, Text(line))
        styles = (STYLE.get(before, "green"), STYLE.get(after, "green"))
        print_whole(console, Text.assemble("  before: ", (before, styles[0]), ", after: ", (after, styles[1])))
        for fact in facts:
            print_whole(console, Text(wrapper.fill(fact)))
        console.print()
    for namespace in sorted({each.namespace for each in templates if opts_in(each)}):
        print_whole(
            console, Text(f"To have the webhook asked about namespace {namespace}:\n  {OPT_IN.format(namespace)}\n")
        )
    _print_summary(templates, console)


def print_whole(console: Console, text: Text) -> None:
    """Print a text without breaking or cutting its lines."""
    console.print(text, soft_wrap=True)


def _urgency(item: tuple[tuple[str, ...], list[TemplateVerdict]]) -> tuple[bool, bool, str]:
    """Return a key that sorts what stays rejected last."""
    before, after = (verdict == REJECTED for verdict in item[0][1:3])
    return after, before, item[0][0]


def _verdicts(template: TemplateVerdict) -> tuple[str, str]:
    return template.before.admitted_by or REJECTED, template.after.admitted_by or REJECTED


def _facts(template: TemplateVerdict) -> Iterator[str]:
    """Yield what helped, or why the pods stay rejected and what would admit them."""
    if rules := sorted({finding.rule for finding in template.findings}):
        yield f"changed by: {', '.join(rules)}"
    if not template.after.admitted_by:
        yield from brief(reasons(template.after))
        if template.kind == "Pod":
            yield BARE_POD
        elif not template.asked:
            never = ", which is the platform's" if platform(template.namespace) else ""
            yield f"the webhook is not asked about namespace {template.namespace}{never}"
        if template.smallest:
            yield f"service account {template.account} needs SCC {template.smallest}"
    told = "left as it is: " if not template.after.admitted_by else "\n"  # with the reasons above
    yield from (f"warning: {warning}" for warning in template.warnings if not warning.startswith(told))


def _places(some: Sequence[TemplateVerdict]) -> list[str]:
    places = list(dict.fromkeys(f"{each.file}:{each.line}" for each in some))
    if len(places) == 1:
        return [f"  {places[0]}"]
    what = "objects" if len({each.path for each in some}) == 1 else "pod templates"
    return [f"  {len(places)} {what} like this:", *(f"    {place}" for place in places)]


def opts_in(template: TemplateVerdict) -> bool:
    """Check whether the webhook may help if the namespace opts in."""
    rejected = not (template.after.admitted_by or template.asked)
    return rejected and template.kind != "Pod" and not platform(template.namespace)


def _print_summary(templates: Sequence[TemplateVerdict], console: Console) -> None:
    for title, workloads in (("workloads that create pods", True), ("all pod templates", False)):
        total, before, after = counts(templates, workloads=workloads)
        console.print(
            f"{title}: [bold]{before}[/] of {total} admitted before the webhook, [bold green]{after}[/] after"
        )
    for of_kind, rejected in sorted(Counter(kind(each) for each in templates if not each.after.admitted_by).items()):
        console.print(f"stays rejected: [bold red]{rejected}[/] {of_kind}")
