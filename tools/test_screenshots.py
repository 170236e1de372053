"""The report that is shown is the one that `check` writes."""

from tools import screenshots


def test_the_picture_shows_what_the_webhook_saves() -> None:
    assert "OpenShift admits all 3 pod templates" in screenshots.html()
    assert screenshots.PICTURE.stat().st_size < 200_000
