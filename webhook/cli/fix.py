"""fix: manifests as the webhook would leave them."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from webhook.cli.exit_codes import Commands, ExitCode
from webhook.objects.model import BadInput

EPILOG: Final = """\
examples:
  kubeflow-openshift fix --diff manifests/
  kubeflow-openshift fix --in-place manifests/
  kubeflow-openshift fix manifests/ | oc apply -f -

exit codes:
  0  done
  1  --diff: something would change
  2  bad usage or bad input; nothing is written
"""


def add_parser(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add the command `fix`."""
    parser = commands.add_parser(
        "fix", parents=[config], help="print manifests as the webhook would leave them", epilog=EPILOG
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="files, folders, or - for standard input")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--diff", action="store_true", help="print a unified diff; exit code 1 where there is one")
    how.add_argument("--in-place", action="store_true", help="rewrite the files that change")
    how.add_argument("--output-dir", type=Path, metavar="DIR", help="write all files there, under their own names")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print or write manifests as the webhook would leave them."""
    from webhook.manifests import reader
    from webhook.offline import fix
    from webhook.rules import OPTIONS
    from webhook.settings import configuration

    if options.in_place and "-" in options.inputs:
        raise BadInput("-: standard input has no place; leave out --in-place")
    settings = configuration.load(options.config, OPTIONS)
    # Read and evaluated to the end before anything is written: bad input leaves everything as it was.
    files = list(fix.fix(reader.read(options.inputs), settings))
    places = [_place(options.inputs, fixed.file) for fixed in files]
    if options.output_dir and (twice := [place for place in places if places.count(place) > 1]):
        raise BadInput(f"{twice[0]}: two inputs have a file of this name; give --output-dir one of them at a time")
    for number, (fixed, place) in enumerate(zip(files, places, strict=True)):
        if options.diff:
            sys.stdout.write(fixed.diff())
        elif options.output_dir:
            fix.write(options.output_dir / place, fixed.after)
        elif not options.in_place:
            sys.stdout.write(fixed.after if number == 0 else fix.as_next_document(fixed.after))
        elif fixed.after != fixed.before:
            fix.write(Path(fixed.file), fixed.after)
        for line in fixed.warnings():
            sys.stderr.write(f"{line}\n")
    if options.in_place:
        changes = [len(fixed.changes()) for fixed in files if fixed.after != fixed.before]
        sys.stdout.write(f"files changed: {len(changes)} of {len(files)}; fields changed: {sum(changes)}\n")
    return ExitCode.FOUND if options.diff and any(fixed.after != fixed.before for fixed in files) else ExitCode.FINE


def _place(inputs: Iterable[str], file: str) -> Path:
    """Return where a file goes under --output-dir: as it lies in the folder that was given, else its name."""
    for given in inputs:
        if Path(given).is_dir() and Path(file).is_relative_to(given):
            return Path(file).relative_to(given)
    return Path(Path(file).name if file != "-" else "stdin.yaml")
