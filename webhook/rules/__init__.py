"""One module here is one rule, and its docstring the rule's page. Importing this package registers all of them."""

import importlib
import pkgutil

from webhook.registry import RULES

for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{module}")

__all__ = ["RULES"]
