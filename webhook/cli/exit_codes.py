"""What a command returns to the shell."""

import enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import argparse

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse has no public name for it


class ExitCode(enum.IntEnum):
    """The exit code of a command."""

    FINE = 0
    FOUND = 1
    """Something was found: a change, a rejection, an explanation."""
    BAD_INPUT = 2
    INTERRUPTED = 130
