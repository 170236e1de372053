"""`make bench`: everything side by side in one run, as tables, charts and docs/evidence/*.json. About five minutes."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from bench import apiserver, direct, performance, start
from bench.chart import Group, bars
from bench.figures import busy, text
from bench.load import NoGo, built
from tests.rig.build import Unavailable
from tests.support import evidence

COMMAND: Final = "make bench"
Verdicts = list[tuple[str, float, float]]


def main() -> int:
    """Run all; return 1 where something does not hold that must."""
    console, load = Console(), busy()
    try:
        with built("load", "controller_runtime") as programs, tempfile.TemporaryDirectory() as name:
            folder, began = Path(name), time.time()
            one = direct.measure(programs, folder)
            _write("direct", began, load, one, direct_chart(one))
            began = time.time()
            two = apiserver.measure(programs, folder)
            _write("apiserver", began, load, two, apiserver_chart(two))
    except (NoGo, Unavailable) as why:
        sys.stderr.write(f"bench: {why}\n")
        return 2
    began = time.time()
    three = start.measure()
    _write("start", began, load, three, "")
    performance.PAGE.write_text(performance.page())
    console.print(direct_table(one), apiserver_table(two))
    verdicts = direct.verdicts(one) + apiserver.verdicts(two) + start.verdicts(three)
    console.print(verdict_table(verdicts))
    return 0 if all(seen <= bound for _, seen, bound in verdicts) else 1


def _write(name: str, began: float, load: float, figures: dict[str, Any], chart: str) -> None:
    path = evidence.write(name, COMMAND, began, {**figures, "load_per_core": load})
    if chart:
        path.with_suffix(".svg").write_text(chart)


def direct_table(figures: dict[str, Any]) -> Table:
    """Lay out the figures of reviews sent straight to the webhooks."""
    table = Table("connections", "webhook", box=box.SIMPLE_HEAD, title="Reviews straight over TLS, median (min to max)")
    for column in ("reviews/s", "p50 ms", "p99 ms"):
        table.add_column(column, justify="right")
    for connections in map(str, direct.CONNECTIONS):
        for name in ("webhook", "controller-runtime", "ratios"):
            seen = figures[name][connections]
            digits = 2 if name == "ratios" else 0
            label = "webhook / controller-runtime" if name == "ratios" else name
            table.add_row(connections, label, text(seen["rate"], digits), text(seen["p50"]), text(seen["p99"]))
        table.add_section()
    return table


def apiserver_table(figures: dict[str, Any]) -> Table:
    """Lay out what each way adds to creating objects."""
    table = Table("kind", "clients", "way", box=box.SIMPLE_HEAD, title="Through the API server, median (min to max)")
    for column in ("added p50 ms", "added p99 ms", "its own mean ms", "within 5 ms"):
        table.add_column(column, justify="right")
    for kind in (kind.name for kind in apiserver.KINDS):
        for clients in map(str, apiserver.CLIENTS):
            for way in apiserver.WAYS[:-1]:
                seen = figures[kind][way][clients]
                share = f"{100 * seen['admission_within_5ms']['median']:.1f} %"
                mean = text(seen["admission_mean"])
                table.add_row(kind, clients, way, text(seen["added_p50"]), text(seen["added_p99"]), mean, share)
            table.add_section()
    return table


def verdict_table(verdicts: Verdicts) -> Table:
    """Lay out what must hold."""
    table = Table("what must hold", "seen", "bound", "", box=box.SIMPLE_HEAD)
    for what, seen, bound in verdicts:
        table.add_row(what, f"{seen:.2f}", f"{bound:g}", "[green]holds" if seen <= bound else "[bold red]does not hold")
    return table


def direct_chart(figures: dict[str, Any]) -> str:
    """Draw throughput and p99."""
    groups = [
        Group(f"{title}, {n} connections", [(name, figures[name][str(n)][what]) for name in names], digits)
        for what, title, digits in (("rate", "reviews per second", 0), ("p99", "p99, milliseconds", 1))
        for n in direct.CONNECTIONS
        for names in (("webhook", "controller-runtime"),)
    ]
    return bars("Reviews straight to the webhooks over TLS", groups)


def apiserver_chart(figures: dict[str, Any]) -> str:
    """Draw the added p99."""
    groups = [
        Group(f"added p99, ms: {kind.name}s, {n} clients",
              [(way, figures[kind.name][way][str(n)]["added_p99"]) for way in apiserver.WAYS[:-1]])
        for kind in apiserver.KINDS
        for n in apiserver.CLIENTS
    ]  # fmt: skip
    return bars("What each way adds to creating an object", groups)


if __name__ == "__main__":
    sys.exit(main())
