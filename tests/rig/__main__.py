"""The rig's command line: `python -m tests.rig build | up DIR [MODE] | down DIR`."""

import argparse
import sys

from tests.rig.build import Unavailable, build
from tests.rig.cluster import down, up


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig", description="OpenShift's admission on loopback.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the binaries and print their folder")
    start = commands.add_parser("up", help="start an empty cluster and print its administrator's kubeconfig")
    mode = start.add_mutually_exclusive_group()
    mode.add_argument("--like-4.2", dest="mode", action="store_const", const="like-4.2", help="admission as in 4.2")
    mode.add_argument("--like-4.20", dest="mode", action="store_const", const="like-4.20", help="admission as in 4.20")
    mode.add_argument("--without-scc", dest="mode", action="store_const", const="without-scc", help="plain Kubernetes")
    stop = commands.add_parser("down", help="stop a cluster; harmless when none runs")
    for command in (start, stop):
        command.add_argument("directory", metavar="DIR", help="where the cluster keeps its state")
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "build":
                print(build())
            case "up":
                print(up(arguments.directory, mode=arguments.mode or "scc").kubeconfig)
            case "down":
                down(arguments.directory)
    except Unavailable as error:
        print(f"rig: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(f"rig: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
