"""Show what a bench command measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def show(title: str, rows: Sequence[Mapping[str, Any]], path: Path | None = None) -> None:
    """Print rows, whose keys are the columns, and where they are kept."""
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console = Console()
    console.print(table)
    if path:
        console.print(f"written to {path}")


def show_figures(title: str, figures: Mapping[str, Any], path: Path | None = None) -> None:
    """Print figures that are one of each."""
    show(title, [{"figure": name, "value": value} for name, value in figures.items()], path)
