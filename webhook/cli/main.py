"""The command line: reads the arguments, runs one command, returns its exit code."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from webhook import VERSION
from webhook.cli import check, explain, fix, review, rules, serve
from webhook.cli.exit_codes import ExitCode
from webhook.objects.model import BadInput


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 fine, 1 found something, 2 bad usage or bad input."""
    options = _parser().parse_args(arguments)
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
    except (BadInput, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.BAD_INPUT
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubeflow-openshift", description="Make unmodified Kubeflow manifests run under OpenShift's SCCs."
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument("--config", type=Path, metavar="FILE", help="the configuration file (the webhook's ConfigMap)")

    for command in (serve, review, fix, check, explain, rules):
        command.add_parser(commands, config)
    return parser
