"""OpenShift's own words: errors of fields as Kubernetes writes them."""

import json
from typing import Any


def invalid(path: str, value: Any, detail: str) -> str:
    """Say that a field has a value that it may not have."""
    return f"{path}: Invalid value: {json.dumps(value, separators=(',', ':'), ensure_ascii=False)}: {detail}"


def required(path: str, detail: str = "") -> str:
    """Say that a field has no value and must have one."""
    return f"{path}: Required value" + (f": {detail}" if detail else "")


def forbidden(path: str, detail: str) -> str:
    """Say that a field may not be set so."""
    return f"{path}: Forbidden: {detail}"
