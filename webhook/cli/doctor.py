"""doctor: what is wrong on a running cluster, and the command that fixes it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from webhook.cli.exit_codes import Commands, ExitCode
from webhook.objects.model import BadInput

if TYPE_CHECKING:
    from webhook.doctor.installation import Diagnosis
    from webhook.objects.model import Object
    from webhook.settings.model import Settings

EPILOG: Final = """\
examples:
  kubeflow-openshift doctor
  kubeflow-openshift doctor --context production --output json

exit codes:
  0  nothing needs doing
  1  something needs doing; below each problem is the command
  2  no cluster, no kubeconfig or a missing right; the rest is shown
"""


def add_parser(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add the command `doctor`."""
    parser = commands.add_parser(
        "doctor", parents=[config], help="what is wrong on a cluster, and what fixes it? only reads", epilog=EPILOG
    )
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="instead of kubectl's default")
    parser.add_argument("--context", metavar="NAME", help="instead of the kubeconfig's current one")
    parser.add_argument("--output", choices=("text", "json"), default="text", help="the form of the report (text)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Read the cluster and report what is wrong."""
    from certs.api import NotDone
    from webhook.doctor import access, report, state
    from webhook.doctor.workloads import cluster_of

    try:
        seen = state.read(options.kubeconfig, options.context)
    except NotDone as error:
        raise BadInput(str(error)) from None
    settings, broken = _settings(options.config, seen.one("configmaps"))
    cluster = cluster_of(seen, settings)
    found = [*broken, *report.diagnose(seen, settings, cluster)]
    grants = access.grants(cluster)
    if options.output == "json":
        sys.stdout.write(report.as_json(found, grants, seen.not_read))
    else:
        sys.stdout.write(report.as_text(found, grants))
    sys.stderr.write("".join(f"{line}\n" for line in seen.not_read))
    if seen.not_read:
        return ExitCode.BAD_INPUT
    return ExitCode.FINE if all(each.command is None for each in found) else ExitCode.FOUND


def _settings(file: Path | None, config_map: "Object") -> "tuple[Settings, list[Diagnosis]]":
    """Return the settings of a file or of the webhook's ConfigMap, and what is wrong with the ConfigMap."""
    from webhook.doctor.installation import CONFIGURE, Diagnosis
    from webhook.rules import OPTIONS
    from webhook.settings import configuration
    from webhook.settings.model import Settings

    if file:
        return configuration.load(file, OPTIONS), []
    try:
        return configuration.of_config_map(config_map, OPTIONS), []
    except configuration.BadConfiguration as error:
        return Settings(), [Diagnosis("configuration", str(error), CONFIGURE)]
