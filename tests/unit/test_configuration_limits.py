"""What a configuration file may cost: neither its size nor an expression in it holds up the server."""

import time
from pathlib import Path

import pytest

from webhook.admission.engine import evaluate
from webhook.objects.model import Request
from webhook.rules import OPTIONS
from webhook.settings.configuration import BadConfiguration, load
from webhook.settings.model import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def loaded(file: Path, content: str) -> Settings:
    file.write_text(content)
    return load(file, OPTIONS)


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        (r"(a+)+$", False),
        (r"(a|a)*b", False),
        (r"(a){2,}", False),
        (r".*.*.*x", False),
        (r"^quay\.io/(org/)?[^/*+]+-notebook(:.*)?$", True),
        (r"\)*[+*]+", True),
    ],
)
def test_an_expression_that_may_take_for_ever_is_refused(file: Path, pattern: str, allowed: bool) -> None:
    content = f"rules:\n  writable-directory:\n    images:\n      '{pattern}': /b\n"
    if allowed:
        start = time.monotonic()
        settings = loaded(file, content)
        for image in ("a" * 10_000, "quay.io/" * 2000, "-notebook:" * 2000):
            containers = [{"name": "main", "image": image}]
            obj = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "spec": {"template": {"spec": {"containers": containers}}},
            }
            evaluate(Request("Deployment.apps", "CREATE", obj), settings)
        assert time.monotonic() - start < 1
    else:
        with pytest.raises(BadConfiguration, match=r":4: .*too slow"):
            loaded(file, content)


def test_a_file_larger_than_a_config_map_is_refused_unread(file: Path) -> None:
    start = time.monotonic()
    with pytest.raises(BadConfiguration, match=r"config.yaml:1: larger"):
        loaded(file, "a: [b, c]\n" * 2**20)
    assert time.monotonic() - start < 1
