"""Format the verdicts of `check` as text, JSON, JUnit and SARIF."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final
from xml.etree import ElementTree as ET

from rich import box
from rich.console import Console
from rich.table import Table

from webhook import VERSION
from webhook.offline.check import TemplateVerdict
from webhook.scc.admission import Verdict

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
OPT_IN: Final = "oc label namespace {} kubeflow-openshift=enabled"
BARE_POD: Final = "SCC rejects a bare Pod before the webhook sees it; apply its owner, or the output of `fix`"
FINDING: Final = ("rule", "path", "before", "after", "because")


def counts(templates: Sequence[TemplateVerdict], *, workloads: bool) -> tuple[int, int, int]:
    """Return the numbers of pod templates, of those admitted before the webhook, and of those after."""
    chosen = [each for each in templates if each.workload or not workloads]
    before, after = (
        sum(bool(verdict.admitted_by) for verdict in verdicts)
        for verdicts in ([each.before for each in chosen], [each.after for each in chosen])
    )
    return len(chosen), before, after


def _kind(template: TemplateVerdict) -> str:
    return template.kind.partition(".")[0]


def name(template: TemplateVerdict) -> str:
    """Return the kind and name of a template's object."""
    return f"{_kind(template)} {template.namespace}/{template.name}"


def reasons(verdict: Verdict) -> list[str]:
    """Return the reasons of the first SCC that rejects a pod, each once."""
    return list(dict.fromkeys(next(iter(verdict.refusals.values()), [])))


def suggestion(template: TemplateVerdict) -> str:
    """Return a RoleBinding that makes OpenShift admit the pod, or "" if no default SCC does."""
    if template.smallest is None:
        return ""
    role = f"system:openshift:scc:{template.smallest}"
    return (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"
        f"metadata: {{name: {template.account}-{template.smallest}, namespace: {template.namespace}}}\n"
        f"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: '{role}'}}\n"
        f"subjects: [{{kind: ServiceAccount, name: {template.account}, namespace: {template.namespace}}}]\n"
    )


def as_text(templates: Sequence[TemplateVerdict], console: Console) -> None:
    """Print the pods rejected before or after the webhook, and a summary."""
    concerned = [each for each in templates if not (each.before.admitted_by and each.after.admitted_by)]
    if concerned:
        table = Table("pod template of", "before", "after", "why", box=box.ROUNDED)
        for each in sorted(concerned, key=lambda each: (each.after.admitted_by is None, name(each))):
            scc_before, scc_after = each.before.admitted_by, each.after.admitted_by
            why = (
                ", ".join(sorted({finding.rule for finding in each.findings})) if scc_after else reasons(each.after)[0]
            )
            if not scc_after and not each.asked:
                why += f"\nthe webhook is not asked about namespace {each.namespace}; {OPT_IN.format(each.namespace)}"
            if not scc_after and each.kind == "Pod":
                why += f"\n{BARE_POD}"
            if not scc_after and each.smallest:
                why += f"\nservice account {each.account} needs SCC {each.smallest}"
            table.add_row(name(each), _coloured(scc_before), _coloured(scc_after), why)
        console.print(table)
    for title, workloads in (("workloads that create pods", True), ("all pod templates", False)):
        total, before, after = counts(templates, workloads=workloads)
        console.print(
            f"{title}: [bold]{before}[/] of {total} admitted before the webhook, [bold green]{after}[/] after"
        )
    for kind, rejected in sorted(Counter(_kind(each) for each in templates if not each.after.admitted_by).items()):
        console.print(f"stays rejected: [bold red]{rejected}[/] {kind}")


def _coloured(scc: str | None) -> str:
    return f"[green]{scc}[/]" if scc else "[red]rejected[/]"


def as_json(templates: Sequence[TemplateVerdict]) -> str:
    """Return the verdicts and findings as JSON."""
    total, before, after = counts(templates, workloads=False)
    body = {
        "summary": {"templates": total, "admittedBefore": before, "admittedAfter": after},
        "templates": [
            {
                **{key: getattr(each, key) for key in ("file", "kind", "namespace", "name", "path", "asked")},
                "before": _verdict(each.before),
                "after": _verdict(each.after),
                "findings": [{key: getattr(finding, key) for key in FINDING} for finding in each.findings],
            }
            for each in templates
        ],
    }
    return json.dumps(body, indent=2) + "\n"


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {"admittedBy": verdict.admitted_by, "verdicts": verdict.refusals}


def as_junit(templates: Sequence[TemplateVerdict]) -> str:
    """Return one JUnit suite per file, one test per pod template, one failure per rejection."""
    root = ET.Element("testsuites", name="admission by OpenShift")
    for file in dict.fromkeys(each.file for each in templates):
        of_file = [each for each in templates if each.file == file]
        failed = [each for each in of_file if not each.after.admitted_by]
        suite = ET.SubElement(
            root, "testsuite", name=file, tests=str(len(of_file)), failures=str(len(failed)), errors="0"
        )
        for each in of_file:
            case = ET.SubElement(suite, "testcase", name=f"{name(each)} {each.path}", classname=file)
            if not each.after.admitted_by:
                failure = ET.SubElement(case, "failure", message=reasons(each.after)[0])
                failure.text = "\n".join(reasons(each.after))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def as_sarif(templates: Sequence[TemplateVerdict]) -> str:
    """Return SARIF 2.1.0: errors for templates that stay rejected, notes for those that the rules fix."""
    rules = [
        {"id": "refused-by-scc", "shortDescription": {"text": "SCC rejects the pods before and after the webhook"}},
        {"id": "saved-by-rules", "shortDescription": {"text": "SCC rejects the pods before the webhook"}},
    ]
    results = [
        {
            "ruleId": rules[bool(each.after.admitted_by)]["id"],
            "level": "note" if each.after.admitted_by else "error",
            "message": {"text": f"{name(each)} {each.path}: {'; '.join(reasons(verdict))}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": each.file.replace("\\", "/")},
                        "region": {"startLine": each.line},
                    }
                }
            ],
        }
        for each in templates
        for verdict in (each.before if each.after.admitted_by else each.after,)
        if not verdict.admitted_by
    ]
    driver = {"name": "kubeflow-openshift", "version": VERSION, "rules": rules}
    run = {"tool": {"driver": driver}, "results": results}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"
