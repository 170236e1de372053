"""Name, count and explain the verdicts of `check`, and format them as JSON."""

import json
from collections.abc import Sequence
from typing import Any, Final

from webhook import VERSION
from webhook.offline.check import NotJudged, TemplateVerdict
from webhook.scc.admission import Verdict

FACTS: Final = ("file", "line", "kind", "namespace", "name", "path", "asked")
FINDING: Final = ("rule", "path", "before", "after", "because")
BARE_POD: Final = "SCC rejects a bare Pod before the webhook sees it; apply its owner, or the output of `fix`"
NOT_JUDGED: Final = ("file", "line", "kind", "name", "why")


def counts(templates: Sequence[TemplateVerdict], *, workloads: bool) -> tuple[int, int, int]:
    """Return the numbers of pod templates, of those admitted before the webhook, and of those after."""
    chosen = [each for each in templates if each.workload or not workloads]
    before, after = (
        sum(bool(verdict.admitted_by) for verdict in verdicts)
        for verdicts in ([each.before for each in chosen], [each.after for each in chosen])
    )
    return len(chosen), before, after


def kind(template: TemplateVerdict) -> str:
    """Return the kind of a template's object without its group."""
    return template.kind.partition(".")[0]


def name(template: TemplateVerdict) -> str:
    """Return the kind and name of a template's object."""
    return f"{kind(template)} {template.namespace}/{template.name}".replace(" /", " ")


def suggestion(template: TemplateVerdict) -> str:
    """Return a RoleBinding that makes OpenShift admit the pod, or "" if no default SCC does, or it has no namespace."""
    if template.smallest is None or not template.namespace:
        return ""
    role = f"system:openshift:scc:{template.smallest}"
    return (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"
        f"metadata: {{name: {template.account}-{template.smallest}, namespace: {template.namespace}}}\n"
        f"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: '{role}'}}\n"
        f"subjects: [{{kind: ServiceAccount, name: {template.account}, namespace: {template.namespace}}}]\n"
    )


def as_json(templates: Sequence[TemplateVerdict], not_judged: Sequence[NotJudged]) -> str:
    """Return the verdicts, findings and warnings as JSON (docs/check.schema.json)."""
    total, before, after = counts(templates, workloads=False)
    body = {
        "version": VERSION,
        "summary": {"templates": total, "admittedBefore": before, "admittedAfter": after},
        "templates": [_template(each) for each in templates],
        "notJudged": [{key: getattr(each, key) for key in NOT_JUDGED} for each in not_judged],
    }
    return json.dumps(body, indent=2) + "\n"


def _template(template: TemplateVerdict) -> dict[str, Any]:
    return {
        **{key: getattr(template, key) for key in FACTS},
        "before": _verdict(template.before),
        "after": _verdict(template.after),
        "smallest": template.smallest,
        "warnings": list(template.warnings),
        "findings": [
            {**{key: getattr(finding, key) for key in FINDING}, "line": line}
            for finding, line in zip(template.findings, template.lines, strict=True)
        ],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {"admittedBy": verdict.admitted_by, "verdicts": verdict.refusals}
