"""Format the verdicts of `check` as SARIF 2.1.0."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from webhook import HOMEPAGE, VERSION
from webhook.offline.check import NotJudged, TemplateVerdict
from webhook.offline.reasons import reasons
from webhook.offline.report import name
from webhook.rules import RULES
from webhook.rules.page import text

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
PAGES: Final = f"{HOMEPAGE}/blob/main/docs"
REJECTED: Final = "rejected-by-scc"
WARNING: Final = "webhook-warning"
OTHERS: Final = {
    REJECTED: "SCC rejects the pods before and after the webhook. Their service account needs a grant.",
    WARNING: "The webhook warns about an object that no single rule is responsible for.",
}
"""The results that do not come from a rule."""

Json = dict[str, Any]


def as_sarif(templates: Sequence[TemplateVerdict], not_judged: Sequence[NotJudged]) -> str:
    """Return an error for each reason of a rejection, a warning for each warning, a note for each change."""
    pages = [(rule, RULES[rule].page) for rule in sorted(RULES)]
    rules = [_rule(rule, page.summary, text(rule, page), f"rules.md#{rule}") for rule, page in pages]
    rules += [_rule(rule, what, what, "command-line.md#sarif") for rule, what in OTHERS.items()]
    driver = {"name": "kubeflow-openshift", "version": VERSION, "informationUri": HOMEPAGE, "rules": rules}
    notifications = [
        {"level": "error", "message": {"text": str(each)}, "locations": _locations(each.file, each.line)}
        for each in not_judged
    ]
    run = {
        "tool": {"driver": driver},
        "invocations": [
            {"executionSuccessful": all(each.kind for each in not_judged), "toolExecutionNotifications": notifications}
        ],
        "results": [result for each in templates for result in _results(each)],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: str, what: str, page: str, at: str) -> Json:
    return {"id": rule, "shortDescription": {"text": what}, "help": {"text": page}, "helpUri": f"{PAGES}/{at}"}


def _results(template: TemplateVerdict) -> Iterator[Json]:
    found = [
        (finding.rule, "note", f"{finding.because} ({finding.path})", line)
        for finding, line in zip(template.findings, template.lines, strict=True)
    ]
    for warning in template.warnings:
        rule, _, message = warning.partition(": ")
        known = rule in RULES
        found.append((rule if known else WARNING, "warning", message if known else warning, template.line))
    if not template.after.admitted_by:
        why = zip(reasons(template.after), template.reason_lines, strict=True)
        found += [(REJECTED, "error", reason, line) for reason, line in why]
    for rule, level, message, line in found:
        identity = json.dumps([rule, template.kind, template.namespace, template.name, template.path, message])
        yield {
            "ruleId": rule,
            "level": level,
            "message": {"text": f"{name(template)}: {message}"},
            "locations": _locations(template.file, line),
            "partialFingerprints": {"object/v1": hashlib.sha256(identity.encode()).hexdigest()},
        }


def _locations(file: str, line: int) -> list[Json]:
    """Return a place in a file. The URI of a file below the working directory is relative to it."""
    path = Path(file).absolute()
    below = path.is_relative_to(Path.cwd())
    uri = quote(path.relative_to(Path.cwd()).as_posix()) if below else path.as_uri()
    return [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}}]
