"""The documents name tests that exist, and the threat model explains every setting."""

import ast
import re

from tests.support.paths import ROOT

TEXT = (ROOT / "docs/threat-model.md").read_text()


def test_every_test_that_a_document_names_exists() -> None:
    pages = [path.read_text() for path in (ROOT / "docs").glob("*.md")]
    named = {match for page in pages for match in re.findall(r"(\w+/test_\w+\.py)::(test_\w+)", page)}
    assert len(named) > 60
    missing = []
    for file, name in sorted(named):
        path = ROOT / "tests" / file
        functions = ast.walk(ast.parse(path.read_text())) if path.exists() else ()
        if not any(isinstance(node, ast.FunctionDef) and node.name == name for node in functions):
            missing.append(f"{file}::{name}")
    assert missing == []


def test_every_setting_of_the_server_is_explained() -> None:
    settings = re.findall(r'^ {12}"(\w+)": ', (ROOT / "webhook/server/gunicorn_app.py").read_text(), re.MULTILINE)
    assert len(settings) > 10
    assert [name for name in settings if f"`{name}`" not in TEXT] == []
