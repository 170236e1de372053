"""The command line: serve | review | fix | rules. Prints and exits; the work is done elsewhere."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from webhook import VERSION
from webhook.model import BadInput

if TYPE_CHECKING:
    from webhook.registry import Rule
    from webhook.settings import Settings

FINE: Final = 0
FOUND: Final = 1
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
        return FINE
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
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument("--config", type=Path, metavar="FILE", help="the configuration file (the webhook's ConfigMap)")

    serve = commands.add_parser("serve", parents=[config], help="answer the API server's reviews over HTTPS")
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
    serve.add_argument("--threads", type=int, default=16, help="threads in each (%(default)s)")
    serve.add_argument(
        "--observe-port", type=int, default=8080, help="HTTP port of /healthz /readyz /metrics (%(default)s)"
    )
    serve.set_defaults(command=_serve)

    review = commands.add_parser("review", parents=[config], help="answer one AdmissionReview, as the server would")
    review.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="JSON or YAML; - or nothing: standard input"
    )
    review.set_defaults(command=_review)

    fix = commands.add_parser("fix", parents=[config], help="print manifests as the webhook would leave them")
    fix.add_argument("inputs", nargs="+", metavar="INPUT", help="files, folders, or - for standard input")
    how = fix.add_mutually_exclusive_group()
    how.add_argument("--diff", action="store_true", help="print a unified diff; exit code 1 where there is one")
    how.add_argument("--in-place", action="store_true", help="rewrite the files that change")
    how.add_argument("--output-dir", type=Path, metavar="DIR", help="write all files there, under their own names")
    fix.set_defaults(command=_fix)

    rules = commands.add_parser("rules", parents=[config], help="list the rules, or show one rule's page")
    rules.add_argument("id", nargs="?", metavar="ID", help="a rule")
    form = rules.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true")
    form.add_argument("--json", action="store_true")
    rules.set_defaults(command=_rules)
    return parser


def _serve(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="kubeflow-openshift-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # read by prometheus_client as it is imported, below
        from webhook import app, configuration, serving

        settings = configuration.load(options.config)  # broken at start: say so and stop
        certificate = options.certificate or _own_certificate(Path(folder), options.host, options.ca_out)
        listen = serving.Listen(
            options.host,
            options.port,
            certificate,
            options.key,
            options.workers,
            options.threads,
            options.observe_port,
        )
        # Each worker watches for itself; one that starts while the file is broken has what was good at our start.
        serving.serve(listen, lambda: app.application(configuration.Watched(options.config, settings).current))
    return FINE


def _own_certificate(folder: Path, host: str, ca_out: Path | None) -> Path:
    """Make a CA and a serving certificate that live as long as this server."""
    from certs import authority

    service = "kubeflow-openshift.kubeflow-openshift.svc"
    ca = authority.authority("kubeflow-openshift", days=365)
    hosts = dict.fromkeys([service, "localhost", "127.0.0.1", *([host] if host != "0.0.0.0" else [])])  # noqa: S104
    path = folder / "serving.pem"
    path.touch(mode=0o600)
    path.write_bytes(authority.serving(ca, list(hosts), days=365).pem())
    if ca_out:
        ca_out.write_bytes(ca.certificate_pem())
    return path


def _review(options: argparse.Namespace) -> int:
    from webhook import configuration, engine, manifests, review

    settings = configuration.load(options.config)
    body = manifests.standard_input() if options.file == "-" else Path(options.file).read_bytes()
    if not body.lstrip().startswith(b"{"):
        found = list(manifests.documents(manifests.decoded(body, options.file), options.file))
        if len(found) != 1:
            raise BadInput(f"{options.file}:1: one AdmissionReview belongs here, not {len(found)} documents")
        body = json.dumps(found[0].value).encode()
    try:
        request = review.decode(body)
    except review.BadReview as error:
        raise BadInput(f"{options.file}: {error}") from None
    sys.stdout.buffer.write(review.respond(request, engine.evaluate(request, settings)))
    return FINE


def _fix(options: argparse.Namespace) -> int:
    from webhook import configuration, fix, manifests

    if options.in_place and "-" in options.inputs:
        raise BadInput("-: standard input has no place; leave out --in-place")
    settings = configuration.load(options.config)
    # Read and evaluated to the end before anything is written: bad input leaves everything as it was.
    files = list(fix.fix(manifests.read(options.inputs), settings))
    places = [_place(options.inputs, fixed.file) for fixed in files]
    if options.output_dir and (twice := [place for place in places if places.count(place) > 1]):
        raise BadInput(f"{twice[0]}: two inputs have a file of this name; give --output-dir one of them at a time")
    for number, (fixed, place) in enumerate(zip(files, places, strict=True)):
        if options.diff:
            sys.stdout.write(fixed.diff())
        elif options.output_dir:
            fix.write(options.output_dir / place, fixed.after)
        elif not options.in_place:
            sys.stdout.write(fixed.after if number == 0 else fix.as_next_document(fixed.after))
        elif fixed.after != fixed.before:
            fix.write(Path(fixed.file), fixed.after)
        for line in fixed.warnings():
            sys.stderr.write(f"{line}\n")
    return FOUND if options.diff and any(fixed.after != fixed.before for fixed in files) else FINE


def _rules(options: argparse.Namespace) -> int:
    from webhook import configuration, documentation
    from webhook.rules import RULES

    settings = configuration.load(options.config)
    if options.id and options.id not in RULES:
        raise BadInput(f"{options.id}: no such rule; there are: {', '.join(sorted(RULES))}")
    chosen = [RULES[rule] for rule in sorted(RULES) if options.id in (None, rule)]
    if options.json:
        listing = [
            {
                "id": rule.id,
                "summary": rule.page.summary,
                "kinds": list(rule.kinds),
                "enabled": settings.enables(rule.id, default=rule.default),
                "page": documentation.text(rule.id, rule.page),
            }
            for rule in chosen
        ]
        sys.stdout.write(json.dumps(listing, indent=2) + "\n")
    elif options.markdown:
        sys.stdout.write("\n".join(documentation.markdown(rule.id, rule.page, rule.facts()) for rule in chosen))
    elif options.id:
        sys.stdout.write(documentation.text(options.id, chosen[0].page) + f"\n{chosen[0].facts()}\n")
    else:
        _print_table(chosen, settings)
    return FINE


def _print_table(rules: "Sequence[Rule]", settings: "Settings") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from webhook.registry import POD_KINDS

    table = Table("rule", "what it does", "kinds", "on", box=box.SIMPLE_HEAD)
    for rule in rules:
        kinds = ", ".join(kind.partition(".")[0] for kind in rule.kinds) if rule.kinds != POD_KINDS else "all with pods"
        table.add_row(
            rule.id, rule.page.summary, kinds, "yes" if settings.enables(rule.id, default=rule.default) else "no"
        )
    Console().print(table)


def _place(inputs: Iterable[str], file: str) -> Path:
    """Return where a file goes under --output-dir: as it lies in the folder that was given, else its name."""
    for given in inputs:
        if Path(given).is_dir() and Path(file).is_relative_to(given):
            return Path(file).relative_to(given)
    return Path(Path(file).name if file != "-" else "stdin.yaml")
