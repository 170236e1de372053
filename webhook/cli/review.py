"""review: one AdmissionReview in, one out."""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from webhook.cli.exit_codes import Commands, ExitCode
from webhook.objects.model import BadInput

EPILOG: Final = """\
examples:
  kubeflow-openshift review review.json
  kubeflow-openshift review < review.yaml

exit codes:
  0  answered
  2  not an AdmissionReview, or bad usage
"""


def add_parser(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add the command `review`."""
    parser = commands.add_parser(
        "review", parents=[config], help="answer one AdmissionReview, as the server would", epilog=EPILOG
    )
    parser.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="JSON or YAML; - or nothing: standard input"
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Answer one AdmissionReview with the bytes that the server would answer."""
    from webhook.admission import engine, review
    from webhook.manifests import reader
    from webhook.rules import OPTIONS
    from webhook.settings import configuration

    settings = configuration.load(options.config, OPTIONS)
    body = reader.standard_input() if options.file == "-" else Path(options.file).read_bytes()
    if not body.lstrip().startswith(b"{"):
        found = list(reader.documents(reader.decoded(body, options.file), options.file))
        if len(found) != 1:
            raise BadInput(f"{options.file}:1: expected one AdmissionReview, got {len(found)} documents")
        body = json.dumps(found[0].value).encode()
    try:
        request = review.decode(body)
    except review.BadReview as error:
        raise BadInput(f"{options.file}: {error}") from None
    sys.stdout.buffer.write(review.respond(request, engine.evaluate(request, settings)))
    return ExitCode.FINE
