"""A hook of mkdocs: links that leave docs/ lead to the repository, and the changelog is a page of the site."""

import posixpath
import re
import tomllib
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from tests.support.paths import ROOT

HOME: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Homepage"]
OUTSIDE: Final = re.compile(r"\]\((\.\./[^)\s]*)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add CHANGELOG.md, whose links are relative to the repository."""
    text = re.sub(r"\]\(docs/", "](", (ROOT / "CHANGELOG.md").read_text())
    files.append(File.generated(config, "changelog.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn each link that leaves docs/ into one to the repository."""

    def outside(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page.file.src_uri), match[1]))
        return f"]({HOME}/blob/main/{path})"

    return OUTSIDE.sub(outside, markdown)
