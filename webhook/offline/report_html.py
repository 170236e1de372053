"""Format the verdicts of `check` as one self-contained HTML page."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import PurePath
from typing import Final

from webhook.offline.check import NotJudged, TemplateVerdict
from webhook.offline.reasons import reasons
from webhook.offline.report import counts, name, suggestion

STYLE: Final = """
:root { color-scheme: light dark; --yes: #2e9e5b; --no: #d64545; --line: #8883; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
.figures { display: flex; gap: 2rem; flex-wrap: wrap }
.figures b { font-size: 2.2rem; display: block; line-height: 1.1 }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .25rem .5rem }
tr + tr td { border-top: 1px solid var(--line) } td.n { text-align: right; white-space: nowrap }
.bar { background: var(--no); height: .8rem; border-radius: .2rem; overflow: hidden; min-width: 8rem }
.bar i { display: block; height: 100%; background: var(--yes) }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .4rem 0; padding: .35rem .7rem }
summary { cursor: pointer } .yes { color: var(--yes) } .no { color: var(--no) }
code, pre { font: 13px ui-monospace, monospace }
pre { overflow-x: auto; background: var(--line); padding: .5rem; border-radius: .3rem } small { opacity: .75 }
"""


def as_html(templates: Sequence[TemplateVerdict], not_judged: Sequence[NotJudged]) -> str:
    """Return the page. It loads nothing, and all text from manifests is escaped."""
    return "\n".join(
        [
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
            f"<title>Will OpenShift admit it?</title><style>{STYLE}</style>",
            "<h1>Will OpenShift admit it?</h1>",
            *_figures(templates),
            "<h2>By component</h2><table><tr><th>file<th>before<th><th>after<th>",
            *(_component(file, templates) for file in dict.fromkeys(each.file for each in templates)),
            "</table><h2>Every pod template</h2>",
            *(_details(each) for each in sorted(templates, key=_urgency)),
            *(f"<p class=no>{escape(str(each))}" for each in not_judged),
            "</html>\n",
        ]
    )


def _urgency(template: TemplateVerdict) -> tuple[bool, bool, str]:
    return bool(template.after.admitted_by), bool(template.before.admitted_by), name(template)


def _figures(templates: Sequence[TemplateVerdict]) -> Iterator[str]:
    yield "<div class=figures>"
    for title, workloads in (("workloads that create pods", True), ("all pod templates", False)):
        total, before, after = counts(templates, workloads=workloads)
        figure = f"{before} → <span class=yes>{after}</span> of {total}"
        yield f"<div><b>{figure}</b>{title} admitted before → after the webhook</div>"
    yield "</div>"


def _component(file: str, templates: Sequence[TemplateVerdict]) -> str:
    of_file = [each for each in templates if each.file == file]
    total, before, after = counts(of_file, workloads=False)
    cells = "".join(
        f"<td class=n>{part} of {total}<td><div class=bar><i style='width:{100 * part // total}%'></i></div>"
        for part in (before, after)
    )
    return f"<tr><td title='{escape(file)}'>{escape(PurePath(file).stem)}{cells}"


def _details(template: TemplateVerdict) -> str:
    before, after = template.before.admitted_by, template.after.admitted_by
    parts = [
        (
            f"<details><summary>{_verdict(before)} → {_verdict(after)} &nbsp; <b>{escape(name(template))}</b> "
            f"<small>{escape(template.path or '/')} · {escape(template.file)}:{template.line}</small></summary>"
        )
    ]
    for title, verdict in (("Before the webhook", template.before), ("After the webhook", template.after)):
        if not verdict.admitted_by:
            items = "".join(f"<li><code>{escape(reason)}</code>" for reason in reasons(verdict))
            parts.append(f"<p>{title}, rejected:<ul>{items}</ul>")
    if template.findings:
        rows = "".join(
            f"<tr><td>{escape(finding.rule)}<td><code>{escape(finding.path)}</code><td>{escape(finding.because)}"
            for finding in template.findings
        )
        parts.append(f"<table><tr><th>rule<th>field<th>why{rows}</table>")
    parts += [f"<p>Warning: {escape(warning)}" for warning in template.warnings]
    if not after:
        grant = suggestion(template)
        help_ = f"<p>Smallest sufficient grant:<pre>{escape(grant)}</pre>" if grant else "<p>No default SCC admits it."
        parts.append(help_)
    return "".join(parts) + "</details>"


def _verdict(scc: str | None) -> str:
    return f"<span class=yes>{escape(scc)}</span>" if scc else "<span class=no>rejected</span>"
