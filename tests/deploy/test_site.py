"""The site builds with every link checked, and loads nothing from elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support import browser
from tests.support.paths import ROOT

LOADED = re.compile(
    r"""<(?:script|img|iframe)[^>]*\ssrc=["']?([^"'\s>]+)|<link[^>]*rel=["']?(?:stylesheet|preconnect|icon|preload)["']?[^>]*href=["']?([^"'\s>]+)"""
)

FOUND_FIRST = {
    "unable to validate against any security context constraint": "troubleshooting.html",
    "Permission denied train.py": "troubleshooting.html",
    "mpi sshd": "mpi.html",
    "istio-init NET_ADMIN": "istio.html",
}
"""What people search for, and the page that answers it."""


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--config-file", str(config), "--site-dir", str(site)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_it_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = build(ROOT / "mkdocs.yml", tmp_path)
    assert done.returncode == 0, done.stderr
    pages = [tmp_path / f"{page.stem}.html" for page in (ROOT / "docs").glob("*.md")]
    loaded = {path or style for page in pages for path, style in LOADED.findall(page.read_text())}
    assert len(loaded) > 3
    assert not [address for address in loaded if "//" in address]
    assert (tmp_path / "search/search_index.json").stat().st_size > 100_000
    assert "0.2.0" in (tmp_path / "changelog.html").read_text()


def test_search_works_in_pages_that_are_opened_from_a_folder(tmp_path: Path) -> None:
    """Chromium shows the page with a query in its address, and how many pages were found."""
    if not (chromium := browser.path()):
        pytest.skip("no Chromium on PATH")
    assert build(ROOT / "mkdocs.yml", tmp_path).returncode == 0
    for query, page in FOUND_FIRST.items():
        address = f"{(tmp_path / 'index.html').as_uri()}?q={quote(query)}"
        shown = browser.run(chromium, "--virtual-time-budget=10000", "--dump-dom", address)
        first = re.search(r'<a href="([^"?]*)[^"]*" class="md-search-result__link"', shown)
        assert first
        assert first[1].endswith(page), query


def test_a_link_to_nowhere_fails(tmp_path: Path) -> None:
    copy = shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (copy / "faq.md").write_text("# FAQ\n\n[nowhere](operations.md#nowhere)\n")
    for name in ("mkdocs.yml", "tools"):
        (shutil.copytree if name == "tools" else shutil.copyfile)(ROOT / name, tmp_path / name)
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode != 0
    assert "#nowhere" in done.stdout + done.stderr
