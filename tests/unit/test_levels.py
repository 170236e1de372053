"""Tests share through tests/support, and never through another test."""

import ast

from tests.support.paths import ROOT


def test_no_module_imports_a_test() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("tests", "bench", "tools")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and any(part.startswith("test_") for part in (*(node.module or "").split("."), *(n.name for n in node.names)))
    ]
    assert found == []
