"""Explain why OpenShift rejects an object, from its manifest or from an error message."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from webhook.admission import engine
from webhook.admission.review import request_for_manifest
from webhook.manifests.reader import Document
from webhook.objects.model import Object, lookup
from webhook.offline.check import Cluster, check
from webhook.offline.errors import ADDED_LATER, NOT_USABLE, REASONS, SIDECAR, Error, find
from webhook.offline.other_errors import OTHERS
from webhook.offline.reasons import reasons
from webhook.offline.report import BARE_POD, name, suggestion
from webhook.scc.admission import smallest
from webhook.scc.grants import Grants
from webhook.scc.ranges import EXAMPLE
from webhook.settings.model import Settings

MANIFEST: Final = re.compile(r"^[\s{\"]*(?:apiVersion|kind)\"?:", re.MULTILINE)
SCC_ERROR: Final = "security context constraint: ["
PROVIDER: Final = re.compile(r"provider \"?([a-z0-9.-]+)\"?: ")
KUBEFLOW: Final = "kubeflow"
"""A namespace that the webhook is asked about."""


def objects(documents: list[Document], settings: Settings) -> tuple[list[str], bool]:
    """Return lines that explain every pod template, and whether one is rejected after the webhook."""
    lines: list[str] = []
    refused = False
    for template in check(documents, settings, Cluster(Grants.of(settings.everyone))):
        refused |= not template.after.admitted_by
        before, after = (v.admitted_by or "rejected" for v in (template.before, template.after))
        lines.append(f"{name(template)} {template.path}: before {before}, after {after}")
        lines += [f"    {reason}" for reason in reasons(template.before)]
        rules = sorted({finding.rule for finding in template.findings})
        if rules:
            lines.append(f"    changed by {', '.join(rules)}")
        if not template.after.admitted_by:
            lines += [f"    still rejected: {reason}" for reason in reasons(template.after)]
            lines += [f"    {BARE_POD}"] if template.kind == "Pod" else []
            lines.append(f"    smallest sufficient grant: {template.smallest or 'none of the default SCCs'}")
            lines += [f"      {line}" for line in suggestion(template).splitlines()]
        else:
            lines += [f"    warning: {warning}" for warning in template.warnings]
    return lines, refused


def refusals(text: str) -> list[list[tuple[str, str]]]:
    """Return the reasons in each of OpenShift's error messages, each with its SCC, in order.

    Commas separate them if they are from the admission phase, and only blanks if from validation after the webhooks.
    A line may also be one reason alone.
    """
    messages = text.split(SCC_ERROR)[1:] or ([text] if PROVIDER.search(text) else [])
    if not messages and "\n" not in text.strip() and find(text, REASONS):
        return [[(text.strip(), "SCC")]]
    found = []
    for message in messages:
        inside = " ".join((message.rpartition("]")[0] if "]" in message else message).split())
        parts = [part for part in re.split(r"(?<!:),? (?=provider |spec\.|pod\.)", inside) if part]
        named = [(PROVIDER.match(part), part) for part in parts]
        found.append([(part[by.end() :].lstrip("."), by[1]) if by else (part, "every SCC") for by, part in named])
    return [said for number, said in enumerate(found) if said not in found[:number]]


def error(text: str, settings: Settings) -> Iterator[str]:
    """Yield lines that explain an error message: each cause, then what helps. Yield nothing if it is not known."""
    if known := find(text, OTHERS):
        yield known.means
        yield f"    {known.do}"
    for number, said in enumerate(refusals(text)):
        if number:
            yield ""
        causes: dict[Error | None, list[str]] = {}
        for reason in dict.fromkeys(reason for reason, _ in said if NOT_USABLE not in reason):
            sccs = ", ".join(scc for also, scc in said if also == reason)
            causes.setdefault(find(reason, REASONS), []).append(f"{sccs}: {reason}")
        for cause, reasons_of_it in causes.items():
            yield from reasons_of_it
            yield f"    {cause.means}" if cause else "    This reason is not known here: compare the pod with the SCC."
        if unusable := [scc for reason, scc in said if NOT_USABLE in reason]:
            yield f"Not usable by the service account: {', '.join(unusable)}."
        if not said:
            yield "The service account may use no SCC. By default, every account may use restricted-v2."
        elif None not in causes:
            yield _advice([(cause, line) for cause, lines in causes.items() if cause for line in lines], settings)


def _advice(causes: Sequence[tuple[Error, str]], settings: Settings) -> str:
    if not any(error.part for error, _ in causes):
        fixed = f" Rule {SIDECAR} fixes this." if settings.enables(SIDECAR, default=True) else ""
        return f"The pod itself has no cause. {ADDED_LATER}{fixed}"
    rules, scc = remedy(causes, settings)
    fixed = "No rule fixes this;"
    if rules:
        named = f"rule {rules[0]} fixes" if len(rules) == 1 else f"rules {', '.join(rules)} fix"
        fixed = f"In the owner's pod template, {named} this. Without the webhook,"
    grant = f"one grant covers all of it: SCC {scc}" if scc else "no default SCC covers it"
    return f"{fixed} {grant}."


def remedy(causes: Sequence[tuple[Error, str]], settings: Settings) -> tuple[list[str], str | None]:
    """Return the rules that fix all causes of a rejection, and the smallest SCC that covers all of them.

    The engine and the SCC model judge a pod that has these causes and no others.
    """
    parts = [part for error, reason in causes if (part := error.part_of(reason)) is not None]
    pod = {"metadata": {}, "spec": _spec(parts)}
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "it", "namespace": KUBEFLOW}}
    result = engine.evaluate(request_for_manifest({**owner, "spec": {"template": pod}}), settings)
    after = lookup(result.object or {}, ("spec", "template"))
    cluster = Cluster(Grants.of(settings.everyone))
    admitted = isinstance(after, dict) and cluster.judge(after, KUBEFLOW, "default").admitted_by
    return sorted({finding.rule for finding in result.findings} if admitted else ()), smallest(
        pod, EXAMPLE, cluster.grants.sccs
    )


def _spec(parts: Sequence[Object]) -> Object:
    """Return the spec of a pod with all these parts."""
    pod: Object = {"securityContext": {}, "containers": [{"name": "main", "image": "example"}], "volumes": []}
    for number, part in enumerate(parts):
        pod["securityContext"].update(part.get("securityContext", {}))
        pod["volumes"] += part.get("volumes", [])
        pod["containers"] += [{"name": f"c{number}", "image": "example", **each} for each in part.get("containers", [])]
        pod.update({key: value for key, value in part.items() if key.startswith("host")})
    return pod
