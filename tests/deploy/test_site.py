"""The site builds with every link checked, and loads nothing from elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

LOADED = re.compile(
    r"""<(?:script|img|iframe)[^>]*\ssrc=["']?([^"'\s>]+)|<link[^>]*rel=["']?(?:stylesheet|preconnect|icon|preload)["']?[^>]*href=["']?([^"'\s>]+)"""
)


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


def test_a_link_to_nowhere_fails(tmp_path: Path) -> None:
    copy = shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (copy / "faq.md").write_text("# FAQ\n\n[nowhere](operations.md#nowhere)\n")
    for name in ("mkdocs.yml", "tools"):
        (shutil.copytree if name == "tools" else shutil.copyfile)(ROOT / name, tmp_path / name)
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode != 0
    assert "#nowhere" in done.stdout + done.stderr
