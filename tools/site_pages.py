"""A hook of mkdocs: links that leave docs/ lead to the repository, whose own pages are pages of the site."""

import posixpath
import re
import tomllib
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from tests.support.paths import ROOT

HOME: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Homepage"]
MARK: Final = re.compile(r"(?m)^( *)<!-- (run|not run|prints)\b:?(.*) -->\n")
"""What tests/support/blocks.py reads above a block."""
BOOST: Final = {"troubleshooting.md": 2, "rows.md": 0.3, "rules.md": 0.5, "support.md": 0.5}
"""Which pages the search finds before others, and which after: people paste error messages."""
OUTSIDE: Final = re.compile(r"\]\((\.\./[^)\s]*)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the repository's own pages, whose links are relative to it."""
    for name in ("CHANGELOG", "SECURITY"):
        text = re.sub(r"\]\(docs/", "](", (ROOT / f"{name}.md").read_text())
        files.append(File.generated(config, f"{name.lower()}.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn each link that leaves docs/ into one to the repository, and show what is said above a block."""
    page.meta["search"] = {"boost": BOOST.get(page.file.src_uri, 1)}

    def outside(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page.file.src_uri), match[1]))
        return f"]({HOME}/blob/main/{path})"

    def told(match: re.Match[str]) -> str:
        words = {"run": "The tests run this.", "prints": "You see:"}.get(match[2], f"Not run: this{match[3]}.")
        return f"{match[1]}<small>{words}</small>\n\n"

    return MARK.sub(told, OUTSIDE.sub(outside, markdown))
