"""explain: why OpenShift rejects an object, in the order in which to act."""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from webhook.cli.exit_codes import Commands, ExitCode
from webhook.objects.model import BadInput

EPILOG: Final = """\
examples:
  kubeflow-openshift explain deployment.yaml
  kubeflow-openshift explain 'fsGroup: Invalid value: [100]: 100 is not an allowed group'
  oc get events -A --field-selector reason=FailedCreate | kubeflow-openshift explain

exit codes:
  0  OpenShift admits the object after the webhook
  1  it stays rejected, or the error is explained
  2  neither a manifest with pods nor a known error
"""


def add_parser(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add the command `explain`."""
    parser = commands.add_parser(
        "explain", parents=[config], help="why OpenShift rejects an object, or what its error means", epilog=EPILOG
    )
    said = "a manifest, a file with the error's text, or that text itself; - or nothing: standard input"
    parser.add_argument("what", nargs="?", default="-", metavar="FILE|MESSAGE", help=said)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Explain an object, or the text of an error of OpenShift."""
    from webhook.manifests import reader
    from webhook.offline import explain
    from webhook.rules import OPTIONS
    from webhook.settings import configuration

    settings = configuration.load(options.config, OPTIONS)
    name, text = options.what, options.what
    if " " in text and not os.path.isfile(text):  # noqa: PTH113 - Path.is_file raises if a text is too long for a path
        name = "MESSAGE"
    else:
        text = reader.decoded(reader.standard_input() if name == "-" else Path(name).read_bytes(), name)
    known = list(explain.error(text, settings))
    if known and not explain.MANIFEST.search(text):
        sys.stdout.write("\n".join(known) + "\n")
        return ExitCode.FOUND
    lines, refused = explain.objects(list(reader.documents(text, name)), settings)
    if not lines and not known:
        raise BadInput(f"{name}: expected a manifest with a pod template, or an error message of OpenShift")
    sys.stdout.write("\n".join(lines or known) + "\n")
    return ExitCode.FOUND if refused or not lines else ExitCode.FINE
