"""The threat model speaks of tests and settings that exist, and of all settings."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/threat-model.md").read_text()


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = set(re.findall(r"(test_\w+\.py)::(test_\w+)", TEXT))
    assert len(named) > 30
    missing = []
    for file, name in sorted(named):
        path = ROOT / "tests" / file
        functions = ast.walk(ast.parse(path.read_text())) if path.exists() else ()
        if not any(isinstance(node, ast.FunctionDef) and node.name == name for node in functions):
            missing.append(f"{file}::{name}")
    assert missing == []


def test_every_setting_of_the_server_is_explained() -> None:
    settings = re.findall(r'^ {12}"(\w+)": ', (ROOT / "webhook/serving.py").read_text(), re.MULTILINE)
    assert len(settings) > 10
    assert [name for name in settings if f"`{name}`" not in TEXT] == []
