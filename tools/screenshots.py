"""Make docs/pictures/report.png from a report of `check`, where a Chromium is there: `python -m tools.screenshots`."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.support.paths import ROOT

PICTURE: Final = ROOT / "docs/pictures/report.png"
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
EXAMPLES: Final = ("fs-group/drops-100-that", "run-as-user/drops-it-at-both-levels", "unneeded-privilege/drops-both")
"""Fixtures that are shown: those whose name begins so."""


def main() -> int:
    """Write the picture, or say why it stays as it is."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if not browser:
        print("no Chromium on PATH: the picture of the report stays as it is", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.html")
        report.write_text(html())
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1000,900",
             f"--screenshot={PICTURE}", report.as_uri()],
            check=True,
            capture_output=True,
            timeout=60,
        )  # fmt: skip
    return 0


def html() -> str:
    """Return the report of `check` on some fixtures."""
    fixtures = sorted((ROOT / "tests/fixtures").glob("*/*/request.yaml"))
    shown = [str(file) for file in fixtures if str(file.relative_to(ROOT / "tests/fixtures")).startswith(EXAMPLES)]
    command = [sys.executable, "-m", "webhook", "check", "--output", "html", "--all-namespaces", *shown]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    sys.exit(main())
