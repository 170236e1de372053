"""The demo does what README.md says of it."""

import subprocess

from tests.support.blocks import blocks
from tests.support.paths import ROOT


def test_the_first_command_of_the_page_shows_what_changes() -> None:
    [command] = [block.text for block in blocks("README.md") if "make demo" in block.text]
    command = command.replace("make ", "make -o .venv/.ready ", 1)  # what the tests run in is ready
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    for said in ("8 reviews in", "7 objects patched with", "restricted-v2", "stays rejected: DaemonSet"):
        assert said in " ".join(done.stdout.split())
