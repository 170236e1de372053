"""`python -m certs ensure | rotate | show`: certificates where no service CA and no cert-manager makes them."""

import argparse
import datetime as dt
import signal
import sys
from pathlib import Path

from certs import keeper, listing
from certs.protocol import Force, Wanted
from certs.store import Names, NotDone, Store

SETTLE = 90
"""Seconds. The kubelet looks at a mounted Secret every 60 to 90 s; API servers hear of a caBundle within seconds."""

CENTURY, DAY = 36500, 86400  # the longest that may be asked for, in days and in seconds

SERVICE = "kubeflow-openshift/kubeflow-openshift"


def main() -> int:
    """Do what the arguments say; 0 done, 1 not done, 2 bad usage."""
    options = _parser().parse_args()
    for name in (signal.SIGTERM, signal.SIGINT):  # process 1 of a container has no default action
        signal.signal(name, lambda *_: sys.exit(0))
    namespace, _, secret = options.secret.partition("/")
    try:
        store = Store(Names(namespace, secret, options.webhook_configuration), options.kubeconfig)
        if options.command == "show":
            return listing.show(store)
        wanted = _wanted(options)
        if options.command == "rotate":
            return _rotate(store, wanted, options)
        if not options.once:
            keeper.ensure(store, wanted, options.out)
        while keeper.tend(store, wanted, options.out):
            pass
    except NotDone as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _rotate(store: Store, wanted: Wanted, options: argparse.Namespace) -> int:
    """Replace what is due, or with --force what is not, and return when nobody uses the old one any more."""
    what: Force = "ca" if options.ca else "leaf"
    seen = store.look()
    if not options.force and (date := listing.not_due(seen.state, what, seen.now)):
        sys.stderr.write(f"not due until {date:%Y-%m-%d %H:%M} UTC: nothing done (--force does it now)\n")
        return 0
    with listing.progress() as waiting:
        if options.force:
            keeper.begin(store, wanted, options.out, what, seen.state)
        keeper.settled(store, wanted, options.out, waiting)
    return listing.show(store)


def _wanted(options: argparse.Namespace) -> Wanted:
    hosts = options.host or [options.service.partition("/")[2] + "." + options.service.partition("/")[0] + ".svc"]
    settle = dt.timedelta(seconds=options.settle)
    # Left alone, a CA is trusted until the last certificate that it signed has expired; a person who rotates waits
    # only until everyone has the new one.
    retire = settle if options.command == "rotate" else dt.timedelta(days=options.leaf_days)
    return Wanted(tuple(hosts), options.ca_days, options.leaf_days, settle, retire)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m certs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    ensure = commands.add_parser("ensure", help="keep the certificates valid and trusted, for ever")
    ensure.add_argument("--once", action="store_true", help="do what can be done now, and end")
    rotate = commands.add_parser("rotate", help="replace the serving certificate; return when it is done")
    rotate.add_argument("--ca", action="store_true", help="the CA too, in two phases")
    rotate.add_argument("--force", action="store_true", help="even before it is due")
    show = commands.add_parser("show", help="show the certificates and who trusts them; 1 where a caBundle lacks one")
    for command in (ensure, rotate, show):
        command.add_argument("--secret", type=_pair, default=f"{SERVICE}-certificate", metavar="NAMESPACE/NAME")
        command.add_argument("--webhook-configuration", default="zz-kubeflow-openshift", metavar="NAME")
        command.add_argument("--kubeconfig", type=Path, metavar="FILE")
    for command in (ensure, rotate):
        where = command.add_mutually_exclusive_group()
        where.add_argument("--service", type=_pair, default=SERVICE, metavar="NAMESPACE/NAME", help="who is called")
        where.add_argument("--host", action="append", metavar="NAME", help="a DNS name or address instead of a Service")
        command.add_argument("--out", type=Path, metavar="DIR", help="write serving.pem and ca.crt here too")
        command.add_argument("--ca-days", type=_days, default=365, metavar="N")
        command.add_argument("--leaf-days", type=_days, default=30, metavar="N")
        command.add_argument(
            "--settle", type=_seconds, default=SETTLE, metavar="SECONDS", help=f"until all have the news ({SETTLE})"
        )
    return parser


def _pair(text: str) -> str:
    namespace, _, name = text.partition("/")
    if not (namespace and name) or "/" in name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAMESPACE/NAME")
    return text


def _days(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= CENTURY:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1 to {CENTURY}")
    return int(text)


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) > DAY:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to {DAY}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
