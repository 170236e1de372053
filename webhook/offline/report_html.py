"""Format the verdicts of `check` as one self-contained HTML page: `report.html` is its template."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from webhook import VERSION
from webhook.offline.check import NotJudged, TemplateVerdict
from webhook.offline.reasons import brief, reasons
from webhook.offline.report import BARE_POD, counts, name, suggestion
from webhook.offline.report_text import OPT_IN, opts_in


def as_html(
    templates: Sequence[TemplateVerdict], not_judged: Sequence[NotJudged], inputs: Sequence[str], made: datetime
) -> str:
    """Return the page. It loads nothing, and all text from manifests is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))
    entries = [_entry(each) for each in sorted(templates, key=name)]
    admitted = [each for each in entries if each["after"]]
    by_file = [
        (file, *counts([each for each in templates if each.file == file], workloads=False))
        for file in dict.fromkeys(each.file for each in templates)
    ]
    return page.render(
        version=VERSION,
        made=made,
        inputs=[_below(each) for each in inputs],
        total=len(templates),
        figures=[
            ("Workloads", counts(templates, workloads=True)),
            ("All pod templates", counts(templates, workloads=False)),
        ],
        rejected=[each for each in entries if not each["after"]],
        warned=[each for each in admitted if each["warnings"]],
        saved=[each for each in admitted if each["findings"] and not each["warnings"]],
        fine=[each for each in admitted if not each["findings"] and not each["warnings"]],
        not_judged=not_judged,
        files=[(_below(file), *numbers) for file, *numbers in by_file],
    )


def _entry(template: TemplateVerdict) -> dict[str, Any]:
    """Return what the page says of one pod template: the reasons once, those that still hold if some do."""
    after = template.after.admitted_by
    rejected = template.before if after else template.after
    return {
        "name": name(template),
        "before": template.before.admitted_by,
        "after": after,
        "where": f"{_below(template.file)}:{template.line}",
        "path": template.path,
        "reasons": [] if rejected.admitted_by else brief(reasons(rejected)),
        "findings": template.findings,
        "warnings": [line for line in template.warnings if after or not line.startswith("left as it is: ")],
        "bare": f"{BARE_POD}." if template.kind == "Pod" and not after else "",
        "opt_in": OPT_IN.format(template.namespace) if opts_in(template) else "",
        "grant": "" if after else suggestion(template),
        "smallest": template.smallest,
    }


def _below(file: str) -> str:
    """Return a file's name as it is, or relative to the working directory if the file is below it."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
