"""What `check` found, in the forms that people and machines read: text, json, junit, sarif (html: report_html)."""

import json
from collections.abc import Sequence
from typing import Any, Final
from xml.etree import ElementTree as ET

from rich import box
from rich.console import Console
from rich.table import Table

from webhook import VERSION
from webhook.offline.check import Template
from webhook.scc.admission import Verdict

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
FINDING: Final = ("rule", "path", "before", "after", "because")


def counts(templates: Sequence[Template], *, workloads: bool) -> tuple[int, int, int]:
    """Return how many pod templates there are, how many admitted without us, how many with us."""
    chosen = [each for each in templates if each.workload or not workloads]
    without, with_us = ([each for each in chosen if verdict(each).admitted_by] for verdict in (_before, _after))
    return len(chosen), len(without), len(with_us)


def _before(template: Template) -> Verdict:
    return template.before


def _after(template: Template) -> Verdict:
    return template.after


def name(template: Template) -> str:
    """Name a template as people do: kind and object."""
    return f"{template.kind.partition('.')[0]} {template.namespace}/{template.name}"


def reasons(verdict: Verdict) -> list[str]:
    """Return why a pod is refused, by the first SCC that was asked: each reason once."""
    return list(dict.fromkeys(next(iter(verdict.refusals.values()), [])))


def suggestion(template: Template) -> str:
    """Return the RoleBinding that would have OpenShift admit what stays refused; "" where no default SCC would."""
    if template.smallest is None:
        return ""
    role = f"system:openshift:scc:{template.smallest}"
    return (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"
        f"metadata: {{name: {template.account}-{template.smallest}, namespace: {template.namespace}}}\n"
        f"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: '{role}'}}\n"
        f"subjects: [{{kind: ServiceAccount, name: {template.account}, namespace: {template.namespace}}}]\n"
    )


def as_text(templates: Sequence[Template], console: Console) -> None:
    """Print what is refused without us, what becomes of it, and the summary."""
    concerned = [each for each in templates if not (each.before.admitted_by and each.after.admitted_by)]
    if concerned:
        table = Table("pod template of", "without us", "with us", "why", box=box.ROUNDED)
        for each in sorted(concerned, key=lambda each: (each.after.admitted_by is None, name(each))):
            before, after = (verdict.admitted_by for verdict in (each.before, each.after))
            why = ", ".join(sorted({finding.rule for finding in each.findings})) if after else reasons(each.after)[0]
            if not after and each.smallest:
                why += f"\nservice account {each.account} would need SCC {each.smallest}"
            table.add_row(name(each), _coloured(before), _coloured(after), why)
        console.print(table)
    for title, workloads in (("workloads that ask for pods", True), ("all pod templates", False)):
        total, without, with_us = counts(templates, workloads=workloads)
        console.print(f"{title}: [bold]{without}[/] of {total} admitted without us, [bold green]{with_us}[/] with us")


def _coloured(scc: str | None) -> str:
    return f"[green]{scc}[/]" if scc else "[red]refused[/]"


def as_json(templates: Sequence[Template]) -> str:
    """Write everything as JSON, as the contract has it."""
    total, without, with_us = counts(templates, workloads=False)
    body = {
        "summary": {"templates": total, "admittedBefore": without, "admittedAfter": with_us},
        "templates": [
            {
                **{key: getattr(each, key) for key in ("file", "kind", "namespace", "name", "path")},
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


def as_junit(templates: Sequence[Template]) -> str:
    """Write a test suite for each file, in which every pod template is a test and a refusal a failure."""
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


def as_sarif(templates: Sequence[Template]) -> str:
    """Write SARIF 2.1.0: what stays refused is an error, what the rules save a note."""
    rules = [
        {"id": "refused-by-scc", "shortDescription": {"text": "OpenShift's SCC refuses the pods, with us too"}},
        {"id": "saved-by-rules", "shortDescription": {"text": "OpenShift's SCC refuses the pods without us"}},
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
