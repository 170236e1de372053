"""One module in `pod` and `object` is one rule, its docstring the page. Importing this registers all."""

import importlib
import pkgutil
from typing import Final

from webhook.rules import object as object_rules
from webhook.rules import pod as pod_rules
from webhook.rules.registry import RULES

for package in (object_rules, pod_rules):
    for module in sorted(found.name for found in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{package.__name__}.{module}")

OPTIONS: Final = {rule.id: rule.options for rule in RULES.values()}
"""What can be configured of each rule."""

__all__ = ["OPTIONS", "RULES"]
