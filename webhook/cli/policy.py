"""policy: a MutatingAdmissionPolicy for bare Pods, which no webhook can help."""

import argparse
import sys
from typing import Final

from webhook.cli.exit_codes import Commands, ExitCode
from webhook.objects.model import BadInput

EPILOG: Final = """\
examples:
  kubeflow-openshift policy --kubernetes 1.36 | oc apply -f -
  kubeflow-openshift policy --kubernetes 1.36 --config config.yaml

exit codes:
  0  printed
  2  this Kubernetes has no such policy, or bad usage
"""


def add_parser(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add the command `policy`."""
    parser = commands.add_parser(
        "policy", parents=[config], help="print a MutatingAdmissionPolicy for bare Pods (experimental)", epilog=EPILOG
    )
    parser.add_argument("--kubernetes", required=True, metavar="VERSION", help="of the cluster, such as 1.36")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print the policy and its binding."""
    from webhook.manifests.reader import dump
    from webhook.registration.policy import VERSIONS, policy
    from webhook.rules import OPTIONS
    from webhook.settings import configuration

    if options.kubernetes not in VERSIONS:
        known = f"tested: {', '.join(VERSIONS)}; before 1.36 behind the feature gate MutatingAdmissionPolicy"
        raise BadInput(f"--kubernetes {options.kubernetes}: no MutatingAdmissionPolicy is known for it ({known})")
    objects = policy(configuration.load(options.config, OPTIONS), options.kubernetes)
    sys.stdout.write("---\n".join(map(dump, objects)))
    return ExitCode.FINE
