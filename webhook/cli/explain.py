"""explain: why OpenShift rejects an object, in the order in which to act."""

import argparse
import sys
from pathlib import Path

from webhook.cli.exit_codes import Commands, ExitCode
from webhook.objects.model import BadInput


def add_parser(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add the command `explain`."""
    parser = commands.add_parser(
        "explain", parents=[config], help="why OpenShift rejects an object, or what its error means"
    )
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="a manifest or the text of the error")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Explain an object, or the text of an error of OpenShift."""
    from webhook.manifests import reader
    from webhook.offline import explain
    from webhook.rules import OPTIONS
    from webhook.settings import configuration

    settings = configuration.load(options.config, OPTIONS)
    body = reader.standard_input() if options.file == "-" else Path(options.file).read_bytes()
    text = reader.decoded(body, options.file)
    if explain.is_error(text):
        sys.stdout.write("\n".join(explain.error(text)) + "\n")
        return ExitCode.FOUND
    documents = list(reader.documents(text, options.file))
    if not any(obj.get("kind") for document in documents for _, obj in document.objects()):
        raise BadInput(f"{options.file}: expected a manifest or an error message of OpenShift")
    lines, refused = explain.objects(documents, settings)
    sys.stdout.write("\n".join(lines) + "\n")
    return ExitCode.FOUND if refused else ExitCode.FINE
