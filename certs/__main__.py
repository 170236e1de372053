"""Manage the webhook's certificates on clusters that have neither a service CA nor cert-manager."""

import argparse
import datetime as dt
import signal
import sys
from pathlib import Path

from certs import keeper, listing
from certs.api import NotDone
from certs.protocol import Force, Policy
from certs.store import Names, Store

SETTLE = 90
"""Seconds. The kubelet syncs a mounted Secret every 60 to 90 s; API servers see a new CA bundle within seconds."""

MAX_DAYS, MAX_SECONDS = 36500, 86400  # a century, a day

SERVICE = "kubeflow-openshift/kubeflow-openshift"


def main() -> int:
    """Run a command. Return 0 if it is done and 1 if not; argparse exits with 2 on bad usage."""
    options = _parser().parse_args()
    for name in (signal.SIGTERM, signal.SIGINT):  # process 1 of a container has no default action
        signal.signal(name, lambda *_: sys.exit(0))
    namespace, _, secret = options.secret.partition("/")
    try:
        store = Store(Names(namespace, secret, options.webhook_configuration), options.kubeconfig)
        if options.command == "show":
            return listing.show(store)
        policy = _policy(options)
        if options.command == "rotate":
            return _rotate(store, policy, options)
        if not options.once:
            keeper.run_forever(store, policy, options.out)
        while keeper.reconcile_once(store, policy, options.out):
            pass
    except NotDone as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _rotate(store: Store, policy: Policy, options: argparse.Namespace) -> int:
    """Replace the certificate if it is due or --force is given. Return when the old one is out of use."""
    what: Force = "ca" if options.ca else "leaf"
    seen = store.read()
    if not options.force and (date := listing.not_due(seen.state, what, seen.now)):
        sys.stderr.write(f"not due until {date:%Y-%m-%d %H:%M} UTC: nothing done (--force does it now)\n")
        return 0
    with listing.progress() as waiting:
        if options.force:
            keeper.force_rotation(store, policy, options.out, what, seen.state)
        keeper.wait_until_steady(store, policy, options.out, waiting)
    return listing.show(store)


def _policy(options: argparse.Namespace) -> Policy:
    hosts = options.host or [options.service.partition("/")[2] + "." + options.service.partition("/")[0] + ".svc"]
    settle = dt.timedelta(seconds=options.settle)
    # `ensure` trusts an old CA until the last certificate that it signed expires.
    # `rotate` waits only until every server has the new certificate.
    retire = settle if options.command == "rotate" else dt.timedelta(days=options.leaf_days)
    return Policy(tuple(hosts), options.ca_days, options.leaf_days, settle, retire)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m certs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    ensure = commands.add_parser("ensure", help="keep the certificates valid and trusted")
    ensure.add_argument("--once", action="store_true", help="do what is possible now, then exit")
    rotate = commands.add_parser("rotate", help="replace the serving certificate and wait until it is in use")
    rotate.add_argument("--ca", action="store_true", help="also replace the CA, in two phases")
    rotate.add_argument("--force", action="store_true", help="rotate even if it is not due")
    show = commands.add_parser(
        "show", help="show the certificates and who trusts them; exit 1 if a CA bundle lacks one"
    )
    for command in (ensure, rotate, show):
        command.add_argument("--secret", type=_pair, default=f"{SERVICE}-certificate", metavar="NAMESPACE/NAME")
        command.add_argument("--webhook-configuration", default="zz-kubeflow-openshift", metavar="NAME")
        command.add_argument("--kubeconfig", type=Path, metavar="FILE")
    for command in (ensure, rotate):
        where = command.add_mutually_exclusive_group()
        where.add_argument(
            "--service", type=_pair, default=SERVICE, metavar="NAMESPACE/NAME", help="the called Service"
        )
        where.add_argument("--host", action="append", metavar="NAME", help="a DNS name or address instead of a Service")
        command.add_argument("--out", type=Path, metavar="DIR", help="write serving.pem and ca.crt here too")
        command.add_argument("--ca-days", type=_days, default=365, metavar="N")
        command.add_argument("--leaf-days", type=_days, default=30, metavar="N")
        command.add_argument(
            "--settle",
            type=_seconds,
            default=SETTLE,
            metavar="SECONDS",
            help=f"time for a change to reach all ({SETTLE})",
        )
    return parser


def _pair(text: str) -> str:
    namespace, _, name = text.partition("/")
    if not (namespace and name) or "/" in name:
        raise argparse.ArgumentTypeError(f"expected NAMESPACE/NAME, got {text!r}")
    return text


def _days(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MAX_DAYS:
        raise argparse.ArgumentTypeError(f"expected days from 1 to {MAX_DAYS}, got {text!r}")
    return int(text)


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"expected seconds from 0 to {MAX_SECONDS}, got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
