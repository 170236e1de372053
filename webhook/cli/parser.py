"""An argument parser that shows the usage of the command at fault, and the nearest word to a wrong one."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from webhook.cli.exit_codes import ExitCode
from webhook.settings.nearest import nearest


class Parser(argparse.ArgumentParser):
    """A parser of the command line, or of one command."""

    def __init__(self, **options: Any) -> None:
        """Keep the lines of descriptions and examples as they are written."""
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter, **options})

    def parse_known_args(  # type: ignore[override]  # argparse's own overloads differ between versions
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse all arguments. A command reports what it does not know itself, under its own usage."""
        options = [name for action in self._actions for name in action.option_strings]
        for argument in sys.argv[1:] if args is None else args:
            name = argument.partition("=")[0]
            if argument == "--" or (self._subparsers and not argument.startswith("-")):
                break  # no options of this parser follow
            if name.startswith("--") and not any(option.startswith(name) for option in options):
                self.error(f"unrecognized arguments: {argument}{nearest(name, options)}")
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, []

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += nearest(str(value), map(str, action.choices or ()))
            raise

    def error(self, message: str) -> NoReturn:
        """Print the usage and the error, and exit."""
        self.print_usage(sys.stderr)
        self.exit(ExitCode.BAD_INPUT, f"{self.prog}: error: {message}\n")
