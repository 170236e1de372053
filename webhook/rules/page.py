"""A rule's docstring is its page: parsed once, printed as text, as a table row and as markdown."""

import inspect
import re
from dataclasses import dataclass
from typing import Final

SECTIONS: Final = ("OpenShift", "Fields", "Upstream", "Limits")
"""What every page answers: why on OpenShift, which fields, which upstream issue, what it leaves alone."""


@dataclass(frozen=True, slots=True)
class Page:
    """One rule's documentation: a sentence, and its sections in the order of SECTIONS."""

    summary: str
    sections: dict[str, str]


class PageError(Exception):
    """A docstring is not a page; the message says what is missing."""


def parse(docstring: str) -> Page:
    """Read a module's docstring as a page. Raises PageError."""
    summary, _, rest = inspect.cleandoc(docstring).partition("\n\n")
    if not summary.endswith(".") or "\n" in summary:
        raise PageError("the first line of the docstring must be one sentence that ends with a full stop")
    parts = re.split(rf"^({'|'.join(SECTIONS)}):", rest, flags=re.MULTILINE)
    if parts[0].strip() or parts[1::2] != list(SECTIONS):
        raise PageError(f"the docstring's sections must be {', '.join(SECTIONS)}; found: {', '.join(parts[1::2])}")
    sections = {name: inspect.cleandoc(text).strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    if empty := [name for name, text in sections.items() if not text]:
        raise PageError(f"sections of the docstring say nothing: {', '.join(empty)}")
    return Page(summary, sections)


def text(rule: str, page: Page) -> str:
    """Write a page as plain text for a terminal."""
    body = "\n\n".join(f"{name}\n" + _indent(content) for name, content in page.sections.items())
    return f"{rule}\n\n{page.summary}\n\n{body}\n"


def markdown(rule: str, page: Page, facts: str) -> str:
    """Write a page as a markdown section; `facts` is a line on kinds, default and options."""
    fields = "\n".join(f"- `{line}`" for line in page.sections["Fields"].splitlines())
    links = "\n".join(f"- <{line}>" if line.startswith("http") else f"- {line}" for line in _lines(page, "Upstream"))
    return (
        f"## {rule}\n\n{page.summary}\n\n{facts}\n\n**Why on OpenShift.** {_line(page, 'OpenShift')}\n\n"
        f"**Fields**\n\n{fields}\n\n**What it leaves alone.** {_line(page, 'Limits')}\n\n**Upstream**\n\n{links}\n"
    )


def _indent(content: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in content.splitlines())


def _line(page: Page, section: str) -> str:
    line = " ".join(_lines(page, section))
    return line[0].upper() + line[1:]


def _lines(page: Page, section: str) -> list[str]:
    return [line.strip() for line in page.sections[section].splitlines() if line.strip()]
