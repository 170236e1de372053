"""What each command does. Each imports what it needs, so that fix loads no server and serve no table."""

import argparse
import gc
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from webhook.objects.model import BadInput

if TYPE_CHECKING:
    from webhook.offline.check import Template
    from webhook.rules.registry import Rule
    from webhook.settings.model import Settings

FINE: Final = 0
FOUND: Final = 1


def serve(options: argparse.Namespace) -> int:
    """Serve HTTPS until a signal ends it."""
    with tempfile.TemporaryDirectory(prefix="kubeflow-openshift-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # read by prometheus_client as it is imported, below
        from webhook.server import app, gunicorn_app
        from webhook.settings import configuration

        settings = configuration.load(options.config)  # broken at start: say so and stop
        certificate = options.certificate or _own_certificate(Path(folder), options.host, options.ca_out)
        listen = gunicorn_app.Listen(
            options.host,
            options.port,
            certificate,
            options.key,
            options.workers,
            options.observe_port,
        )
        gc.collect()
        gc.freeze()  # what is loaded here stays shared with the workers: the collector would write to each page of it
        # Each worker watches for itself; one that starts while the file is broken has what was good at our start.
        gunicorn_app.serve(
            listen, lambda aside: app.application(configuration.Watched(options.config, settings).current, aside)
        )
    return FINE


def _own_certificate(folder: Path, host: str, ca_out: Path | None) -> Path:
    """Make a CA and a serving certificate that live as long as this server."""
    from certs import authority

    service = "kubeflow-openshift.kubeflow-openshift.svc"
    hosts = dict.fromkeys([service, "localhost", "127.0.0.1", *([host] if host != "0.0.0.0" else [])])  # noqa: S104 - compared, not bound
    ca = authority.authority("kubeflow-openshift", list(hosts), days=365)
    path = folder / "serving.pem"
    path.touch(mode=0o600)
    path.write_bytes(authority.serving(ca, list(hosts), days=365).pem())
    if ca_out:
        ca_out.write_bytes(ca.certificate_pem())
    return path


def review_(options: argparse.Namespace) -> int:
    """Answer one AdmissionReview with the bytes that the server would answer."""
    from webhook.admission import engine, review
    from webhook.manifests import reader
    from webhook.settings import configuration

    settings = configuration.load(options.config)
    body = reader.standard_input() if options.file == "-" else Path(options.file).read_bytes()
    if not body.lstrip().startswith(b"{"):
        found = list(reader.documents(reader.decoded(body, options.file), options.file))
        if len(found) != 1:
            raise BadInput(f"{options.file}:1: one AdmissionReview belongs here, not {len(found)} documents")
        body = json.dumps(found[0].value).encode()
    try:
        request = review.decode(body)
    except review.BadReview as error:
        raise BadInput(f"{options.file}: {error}") from None
    sys.stdout.buffer.write(review.respond(request, engine.evaluate(request, settings)))
    return FINE


def fix_(options: argparse.Namespace) -> int:
    """Print or write manifests as the webhook would leave them."""
    from webhook.manifests import reader
    from webhook.offline import fix
    from webhook.settings import configuration

    if options.in_place and "-" in options.inputs:
        raise BadInput("-: standard input has no place; leave out --in-place")
    settings = configuration.load(options.config)
    # Read and evaluated to the end before anything is written: bad input leaves everything as it was.
    files = list(fix.fix(reader.read(options.inputs), settings))
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


def rules_(options: argparse.Namespace) -> int:
    """List the rules, or show the page of one."""
    from webhook.rules import RULES, page
    from webhook.settings import configuration

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
                "page": page.text(rule.id, rule.page),
            }
            for rule in chosen
        ]
        sys.stdout.write(json.dumps(listing, indent=2) + "\n")
    elif options.markdown:
        sys.stdout.write("\n".join(page.markdown(rule.id, rule.page, rule.facts()) for rule in chosen))
    elif options.id:
        sys.stdout.write(page.text(options.id, chosen[0].page) + f"\n{chosen[0].facts()}\n")
    else:
        _print_table(chosen, settings)
    return FINE


def _print_table(rules: "Sequence[Rule]", settings: "Settings") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    from webhook.rules.registry import POD_KINDS

    widest = max(len(rule.id) for rule in rules)
    table = Table(Column("rule", no_wrap=True, min_width=widest), "what it does", "kinds", "on", box=box.SIMPLE_HEAD)
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


def check_(options: argparse.Namespace) -> int:
    """Judge every pod template, and report in the form that was asked for."""
    from rich.console import Console
    from rich.progress import track

    from webhook.manifests import reader
    from webhook.offline import check, report
    from webhook.scc.grants import Grants
    from webhook.scc.ranges import EXAMPLE, Ranges, block
    from webhook.settings import configuration

    settings = configuration.load(options.config)
    grants = Grants(everyone=tuple(options.scc or settings.everyone))
    for text in options.grant or ():
        who, equals, scc = text.partition("=")
        if not equals or who.count("/") != 1:
            raise BadInput(f"--grant {text}: NAMESPACE/SERVICEACCOUNT=SCC belongs here")
        grants.grant(who, [scc])
    known = {name for names in grants.granted.values() for name in names} | {*grants.everyone}
    ranges = EXAMPLE
    if options.namespace_range:
        users = block(options.namespace_range)
        ranges = Ranges(users, (users,), EXAMPLE.level)
    documents = list(reader.read(options.inputs))
    cluster = check.Cluster(grants, ranges)
    found = check.check(documents, settings, cluster)
    progress = Console(stderr=True)
    templates = list(
        track(found, "Judging pod templates", console=progress, transient=True, disable=not progress.is_terminal)
    )
    if unknown := known - grants.sccs.keys():
        raise BadInput(f"{min(unknown)}: no such SCC; known here: {', '.join(sorted(grants.sccs))}")
    if options.suggest and options.output != "text":
        raise BadInput("--suggest prints YAML of its own: it goes with --output text")
    _write_report(options.output, templates)
    sys.stderr.write("".join(f"{line}\n" for line in cluster.not_judged))
    for template in templates if options.suggest else ():
        if not template.after.admitted_by and (suggested := report.suggestion(template)):
            sys.stdout.write(f"---\n{suggested}")
    return FINE if all(template.after.admitted_by for template in templates) else FOUND


def _write_report(form: str, templates: "Sequence[Template]") -> None:
    from rich.console import Console

    from webhook.offline import report, report_html

    if form == "text":
        report.as_text(templates, Console(highlight=False))
        return
    forms = {
        "json": report.as_json,
        "junit": report.as_junit,
        "sarif": report.as_sarif,
        "html": report_html.as_html,
    }
    sys.stdout.write(forms[form](templates))


def explain_(options: argparse.Namespace) -> int:
    """Explain an object, or the text of an error of OpenShift."""
    from webhook.manifests import reader
    from webhook.offline import explain
    from webhook.settings import configuration

    settings = configuration.load(options.config)
    body = reader.standard_input() if options.file == "-" else Path(options.file).read_bytes()
    text = reader.decoded(body, options.file)
    if explain.is_error(text):
        sys.stdout.write("\n".join(explain.error(text)) + "\n")
        return FOUND
    lines, refused = explain.objects(list(reader.documents(text, options.file)), settings)
    sys.stdout.write("\n".join(lines) + "\n")
    return FOUND if refused else FINE
