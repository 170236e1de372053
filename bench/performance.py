"""Write docs/performance.md: bench/performance.md with the figures of docs/evidence."""

import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any, Final

from bench import apiserver, direct, start
from bench.figures import QUIET, text
from tests.support import evidence
from tests.support.paths import ROOT

PAGE: Final = ROOT / "docs/performance.md"
TEMPLATE: Final = Path(__file__).with_suffix(".md")


def page() -> str:
    """Return the page."""
    found = {
        name: json.loads((evidence.FOLDER / f"{name}.json").read_text()) for name in ("direct", "apiserver", "start")
    }
    figures = {name: one["figures"] for name, one in found.items()}
    return Template(TEMPLATE.read_text()).substitute(
        seen=_seen(found["direct"], max(one["load_per_core"] for one in figures.values())),
        direct=_direct(figures["direct"]),
        memory=", ".join(f"{name} {mib['pss']:.0f} MiB" for name, mib in figures["direct"]["memory"].items()),
        apiserver=_apiserver(figures["apiserver"]),
        start=_start(figures["start"]),
        bounds=_bounds(figures),
    )


def _seen(one: dict[str, Any], load: float) -> str:
    machine = one["machine"]
    quiet = "" if load <= QUIET else " Other work shared the machine: the figures are **provisional**."
    return (
        f"Measured on {one['date']} at commit `{one['commit']}`: {machine['cores']} cores, Python {machine['python']}, "
        f"load before the start {load} per core.{quiet}"
    )


def _direct(figures: dict[str, Any]) -> str:
    rows = [
        (n, name, text(one["rate"], 2 if name == "ratios" else 0), text(one["p50"]), text(one["p99"]))
        for n in map(str, direct.CONNECTIONS)
        for name in ("webhook", "controller-runtime", "ratios")
        for one in (figures[name][n],)
    ]
    return _table(("connections", "", "reviews/s", "p50, ms", "p99, ms"), rows)


def _apiserver(figures: dict[str, Any]) -> str:
    rows = [
        (kind, n, way, text(one["added_p50"]), text(one["added_p99"]), text(one["admission_mean"]),
         f"{100 * one['admission_within_5ms']['median']:.1f} %")
        for kind in (kind.name for kind in apiserver.KINDS)
        for n in map(str, apiserver.CLIENTS)
        for way in apiserver.WAYS[:-1]
        for one in (figures[kind][way][n],)
    ]  # fmt: skip
    return _table(("kind", "clients", "way", "added p50, ms", "added p99, ms", "own mean, ms", "within 5 ms"), rows)


def _start(figures: dict[str, Any]) -> str:
    lines = [f"- Start to first answered review: {text(figures['first_answer_seconds'])} s."]
    for when, mib in figures["memory_mib"].items():
        memory = f"{mib['pss']:.0f} MiB PSS ({mib['rss']:.0f} MiB RSS)"
        lines.append(f"- Memory {when}, two workers and their parent: {memory}.")
    return "\n".join(lines)


def _bounds(figures: dict[str, Any]) -> str:
    modules = {"direct": direct, "apiserver": apiserver, "start": start}
    verdicts = [verdict for name, module in modules.items() for verdict in module.verdicts(figures[name])]
    rows = [
        (what, f"{value:.2f}", "holds" if value <= bound else "**does not hold**") for what, value, bound in verdicts
    ]
    return _table(("bound", "measured", ""), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)
