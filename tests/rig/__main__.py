"""The rig's command line: `python -m tests.rig build | up DIR [MODE] | down DIR | node-up DIR | node-down DIR`."""

import argparse
import sys

from tests.rig.build import Unavailable, build
from tests.rig.cluster import attach, down, up
from tests.rig.node import node
from tests.rig.real import controllers
from tests.rig.renderers import RENDERERS


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig", description="OpenShift's admission on loopback.")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("build", help="build the binaries and print their folder")
    make.add_argument("--node", action="store_true", help="also what a node needs: Debian's packages, programs, images")
    make.add_argument("--real", action="store_true", help="also upstream's controllers, for make test-real")
    start = commands.add_parser("up", help="start an empty cluster and print its administrator's kubeconfig")
    mode = start.add_mutually_exclusive_group()
    mode.add_argument("--like-4.2", dest="mode", action="store_const", const="like-4.2", help="admission as in 4.2")
    mode.add_argument("--like-4.20", dest="mode", action="store_const", const="like-4.20", help="admission as in 4.20")
    mode.add_argument("--without-scc", dest="mode", action="store_const", const="without-scc", help="plain Kubernetes")
    stop = commands.add_parser("down", help="stop a cluster and its node; harmless when none runs")
    add = commands.add_parser("node-up", help="attach a node to a cluster, so that pods run")
    add.add_argument("--dns", action="store_true", help="let pods resolve the cluster's names")
    add.add_argument("--policies", action="store_true", help="enforce NetworkPolicies")
    remove = commands.add_parser("node-down", help="take the node away with all that runs on it")
    for command in (start, stop, add, remove):
        command.add_argument("directory", metavar="DIR", help="where the cluster keeps its state")
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "build":
                if arguments.real:
                    controllers.say_cost()
                build(RENDERERS)
                print(build())
                prepare(with_node=arguments.node or arguments.real, real=arguments.real)
            case "up":
                print(up(arguments.directory, mode=arguments.mode or "scc").kubeconfig)
            case "down":
                node.down(arguments.directory)
                down(arguments.directory)
            case "node-up":
                print(node.up(attach(arguments.directory), dns=arguments.dns, policies=arguments.policies).directory)
            case "node-down":
                node.down(arguments.directory)
    except Unavailable as error:
        print(f"rig: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(f"rig: {error}", file=sys.stderr)
        return 1
    return 0


def prepare(*, with_node: bool, real: bool) -> None:
    """Make what a node needs, and upstream's controllers, as the options say."""
    if with_node:
        node.prepare(install=True)
    if real:
        controllers.prepare()


if __name__ == "__main__":
    sys.exit(main())
