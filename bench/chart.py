"""Draw bars with the spread of their rounds, as SVG."""

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


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _svg(parts: Sequence[str], height: float) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" {STYLE}>'
    background = f'<rect width="{WIDTH}" height="{height:.0f}" fill="white"/>'
    return "\n".join([head, background, *parts, "</svg>"]) + "\n"
