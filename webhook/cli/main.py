"""The command line: reads the arguments, runs one command, returns its exit code."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from webhook import VERSION
from webhook.cli import check, completion, doctor, explain, fix, policy, review, rules, serve
from webhook.cli.exit_codes import ExitCode
from webhook.cli.parser import Parser
from webhook.objects.model import BadInput

EPILOG: Final = """\
examples:
  kustomize build DIR | kubeflow-openshift check -
  kubeflow-openshift fix --diff manifests/
  kubeflow-openshift COMMAND --help

exit codes:
  0  nothing found
  1  something found: see the command
  2  bad usage or bad input
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 fine, 1 found something, 2 bad usage or bad input."""
    options = parser().parse_args(arguments)
    if sys.stdout is None:
        sys.stderr.write("standard output is closed\n")
        return ExitCode.BAD_INPUT
    try:
        code: int = options.command(options)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has left
        return ExitCode.FINE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BadInput as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.BAD_INPUT
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n" if error.filename else f"{error}\n")
        return ExitCode.BAD_INPUT
    return code


def parser() -> Parser:
    """Return the parser of the command line, with all commands."""
    top = Parser(
        prog="kubeflow-openshift",
        description="Make unmodified Kubeflow manifests run under OpenShift's SCCs.",
        epilog=EPILOG,
    )
    top.add_argument("--version", action="version", version=VERSION)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument("--config", type=Path, metavar="FILE", help="the configuration file (the webhook's ConfigMap)")

    for command in (serve, review, fix, check, explain, doctor, rules, policy, completion):
        command.add_parser(commands, config)
    return top
