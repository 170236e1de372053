"""The report that is shown is the one that `check` writes."""

import html
import re

from tools import screenshots


def test_the_picture_shows_what_the_webhook_saves() -> None:
    assert "OpenShift admits all 3 pod templates" in screenshots.html()
    assert (screenshots.PICTURES / "report.png").stat().st_size < 200_000


def test_the_demo_is_shown_whole_and_loads_nothing() -> None:
    text = html.unescape(screenshots.svg())
    assert "notebook-security-context" in text
    assert "objects" in text
    assert "url(" not in re.sub(r"url\(#", "", text)
