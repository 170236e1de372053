"""Charts as SVG, by hand: bars with the spread of their rounds, and lines on logarithmic axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from bench.figures import Spread

COLOURS: Final = ("#c9302c", "#4a7ebb", "#8a8a8a", "#5b9f5b")
WIDTH: Final = 760
STYLE: Final = 'font-family="sans-serif" font-size="12"'


@dataclass(frozen=True, slots=True)
class Group:
    """Some bars side by side: a title, a unit, and for each bar its name and spread."""

    title: str
    bars: Sequence[tuple[str, Spread]]
    digits: int = 1


def bars(title: str, groups: Sequence[Group]) -> str:
    """Draw groups of horizontal bars, each group on a scale of its own; the whisker is minimum to maximum."""
    y, parts = 34, [_text(10, 20, title, "font-weight='bold'")]
    names = list(dict.fromkeys(name for group in groups for name, _ in group.bars))
    for group in groups:
        parts.append(_text(10, y + 14, group.title))
        y += 20
        scale = 380 / max(1e-9, *(spread["max"] for _, spread in group.bars))
        for name, spread in group.bars:
            low, middle, high = (150 + max(spread[part], 0) * scale for part in ("min", "median", "max"))
            colour = COLOURS[names.index(name) % len(COLOURS)]
            parts.append(_text(20, y + 12, name))
            parts.append(f'<rect x="150" y="{y}" width="{middle - 150:.1f}" height="16" fill="{colour}"/>')
            parts.append(_line(low, y + 8, high, y + 8, "#222"))
            parts.append(_text(high + 8, y + 12, f"{spread['median']:,.{group.digits}f}"))
            y += 20
        y += 8
    return _svg(parts, y + 6)


@dataclass(frozen=True, slots=True)
class Curve:
    """A line: its name, and its points."""

    name: str
    points: Sequence[tuple[float, float]]


def lines(title: str, across: str, up: str, curves: Sequence[Curve]) -> str:
    """Draw curves on logarithmic axes, on which what grows in proportion is a line of slope one."""
    points = [point for curve in curves for point in curve.points]
    left, right = (math.log10(edge(x for x, _ in points)) for edge in (min, max))
    low, high = (math.log10(edge(y for _, y in points)) for edge in (min, max))

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            80 + 500 * (math.log10(x) - left) / ((right - left) or 1),
            330 - 270 * (math.log10(y) - low) / ((high - low) or 1),
        )

    parts = [_text(10, 20, title, "font-weight='bold'"), _text(300, 372, across), _text(10, 44, up)]
    parts += [_line(80, 330, 580, 330, "#222"), _line(80, 60, 80, 330, "#222")]
    for exponent in range(math.ceil(left), math.floor(right) + 1):
        x, _ = place(10**exponent, 10**low)
        parts += [_line(x, 330, x, 60, "#ddd"), _text(x - 10, 348, f"{10**exponent:,}")]
    for exponent in range(math.ceil(low), math.floor(high) + 1):
        _, y = place(10**left, 10**exponent)
        parts += [_line(80, y, 580, y, "#ddd"), _text(20, y + 4, f"{10.0**exponent:,g}")]
    for colour, curve in zip(COLOURS, curves, strict=False):
        drawn = [place(x, y) for x, y in curve.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in drawn]
        parts.append(_text(590, drawn[-1][1] + 4, curve.name, f"fill='{colour}'"))
    return _svg(parts, 384)


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _svg(parts: Sequence[str], height: float) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" {STYLE}>'
    background = f'<rect width="{WIDTH}" height="{height:.0f}" fill="white"/>'
    return "\n".join([head, background, *parts, "</svg>"]) + "\n"
