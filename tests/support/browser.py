"""A headless Chromium, where there is one."""

import shutil
import subprocess
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")


def path() -> str | None:
    """Return the path of a Chromium, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def run(browser: str, *arguments: str) -> str:
    """Open an address headless, and return what Chromium prints."""
    command = [browser, "--headless", "--no-sandbox", "--hide-scrollbars", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
