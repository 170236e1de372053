"""The command line: serve | review | fix | check | explain | rules. Reads the words and exits; commands.py does it."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from webhook import VERSION, commands
from webhook.objects.model import BadInput

BAD_INPUT: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 fine, 1 found something, 2 bad usage or bad input."""
    options = _parser().parse_args(arguments)
    if sys.stdout is None:
        sys.stderr.write("standard output is closed\n")
        return BAD_INPUT
    try:
        code: int = options.command(options)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left; so do we, quietly
        return commands.FINE
    except KeyboardInterrupt:
        return 130
    except (BadInput, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return BAD_INPUT
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubeflow-openshift", description="Make unmodified Kubeflow manifests run under OpenShift's SCCs."
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands_ = parser.add_subparsers(required=True, metavar="COMMAND")
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument("--config", type=Path, metavar="FILE", help="the configuration file (the webhook's ConfigMap)")

    serve = commands_.add_parser("serve", parents=[config], help="answer the API server's reviews over HTTPS")
    serve.add_argument("--host", default="0.0.0.0", help="address to listen on (%(default)s)")  # noqa: S104 - a server
    serve.add_argument("--port", type=int, default=8443, help="HTTPS port (%(default)s)")
    serve.add_argument(
        "--certificate", type=Path, metavar="FILE", help="PEM; may hold the key too. Without: one is made"
    )
    serve.add_argument("--key", type=Path, metavar="FILE", help="PEM, where the certificate's file has no key")
    serve.add_argument(
        "--ca-out", type=Path, metavar="FILE", help="where the CA goes of a certificate made on the spot"
    )
    serve.add_argument("--workers", type=int, default=2, help="processes (%(default)s)")
    serve.add_argument(
        "--observe-port", type=int, default=8080, help="HTTP port of /healthz /readyz /metrics (%(default)s)"
    )
    serve.set_defaults(command=commands.serve)

    review = commands_.add_parser("review", parents=[config], help="answer one AdmissionReview, as the server would")
    review.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="JSON or YAML; - or nothing: standard input"
    )
    review.set_defaults(command=commands.review_)

    fix = commands_.add_parser("fix", parents=[config], help="print manifests as the webhook would leave them")
    fix.add_argument("inputs", nargs="+", metavar="INPUT", help="files, folders, or - for standard input")
    how = fix.add_mutually_exclusive_group()
    how.add_argument("--diff", action="store_true", help="print a unified diff; exit code 1 where there is one")
    how.add_argument("--in-place", action="store_true", help="rewrite the files that change")
    how.add_argument("--output-dir", type=Path, metavar="DIR", help="write all files there, under their own names")
    fix.set_defaults(command=commands.fix_)

    check = commands_.add_parser("check", parents=[config], help="will OpenShift admit it? by which SCC, and why not?")
    check.add_argument("inputs", nargs="+", metavar="INPUT", help="files, folders, or - for standard input")
    check.add_argument("--output", choices=("text", "json", "sarif", "junit", "html"), default="text")
    check.add_argument(
        "--scc", action="append", metavar="NAME", help="what everyone may use (restricted-v2); repeatable"
    )
    check.add_argument("--grant", action="append", metavar="NAMESPACE/SERVICEACCOUNT=SCC", help="repeatable")
    check.add_argument("--namespace-range", metavar="START/LENGTH", help="UIDs of namespaces that say none")
    check.add_argument("--suggest", action="store_true", help="print the RoleBinding for what stays refused")
    check.set_defaults(command=commands.check_)

    explain = commands_.add_parser(
        "explain", parents=[config], help="why an object, or an error of OpenShift, is refused"
    )
    explain.add_argument("file", nargs="?", default="-", metavar="FILE", help="a manifest or the text of the error")
    explain.set_defaults(command=commands.explain_)

    rules = commands_.add_parser("rules", parents=[config], help="list the rules, or show one rule's page")
    rules.add_argument("id", nargs="?", metavar="ID", help="a rule")
    form = rules.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true")
    form.add_argument("--json", action="store_true")
    rules.set_defaults(command=commands.rules_)
    return parser
