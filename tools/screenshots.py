"""Make the pictures of the pages, of a report of `check` and of the demo: `python -m tools.screenshots [FOLDER]`.

The report needs a Chromium. `make docs` makes both into the site; those in docs/pictures are for readers on GitHub.
"""

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from tests.support import browser
from tests.support.cases import FIXTURES
from tests.support.paths import ROOT
from tools import demo

PICTURES: Final = ROOT / "docs/pictures"
EXAMPLES: Final = ("fs-group/drops-100-that", "run-as-user/drops-it-at-both-levels", "unneeded-privilege/drops-both")
"""Fixtures that are shown: those whose name begins so."""
LOADED: Final = re.compile(r"@font-face \{\{.*?\}\}\n", re.DOTALL)
"""What would load a font from elsewhere."""


def main(folder: Path = PICTURES) -> int:
    """Write the pictures into a folder; say so if the report stays as it is."""
    (folder / "demo.svg").write_text(svg())
    if not (chromium := browser.path()):
        print("no Chromium on PATH: the picture of the report stays as it is", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        report = Path(temporary, "report.html")
        report.write_text(html())
        browser.run(chromium, "--window-size=1000,900", f"--screenshot={folder / 'report.png'}", report.as_uri())
    return 0


def html() -> str:
    """Return the report of `check` on some fixtures."""
    fixtures = sorted(FIXTURES.glob("*/*/request.yaml"))
    shown = [str(file) for file in fixtures if str(file.relative_to(FIXTURES)).startswith(EXAMPLES)]
    command = [sys.executable, "-m", "webhook", "check", "--output", "html", "--all-namespaces", *shown]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def svg() -> str:
    """Return what the demo prints of its first examples."""
    console = Console(record=True, width=140, file=io.StringIO())
    demo.main([str(FIXTURES / example / "request.yaml") for example in demo.EXAMPLES[:4]], console)
    return console.export_svg(title="make demo", code_format=LOADED.sub("", CONSOLE_SVG_FORMAT), unique_id="demo")


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
