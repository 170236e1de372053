"""check: which SCC admits each pod template, before and after."""

import argparse
import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhook.cli.exit_codes import Commands, ExitCode
from webhook.objects.model import BadInput
from webhook.settings.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from webhook.offline.check import Cluster, NotJudged, TemplateVerdict
    from webhook.settings.model import Settings

EPILOG: Final = """\
examples:
  kustomize build DIR | kubeflow-openshift check -
  kubeflow-openshift check --output html manifests/ > report.html
  kubeflow-openshift check --namespace team --all-namespaces --suggest examples/

exit codes:
  0  every pod is admitted after the webhook
  1  a pod stays rejected; --fail-on chooses which verdict counts
  2  bad usage, unreadable input, or no object in it
"""


def add_parser(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add the command `check`."""
    parser = commands.add_parser(
        "check", parents=[config], help="will OpenShift admit it? by which SCC, and why not?", epilog=EPILOG
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="files, folders, or - for standard input")
    parser.add_argument(
        "--output",
        choices=("text", "json", "sarif", "junit", "html"),
        default="text",
        help="the form of the report (%(default)s)",
    )
    parser.add_argument(
        "--scc", action="append", metavar="NAME", help="what everyone may use (restricted-v2); repeatable"
    )
    parser.add_argument(
        "--grant", action="append", metavar="NAMESPACE/SERVICEACCOUNT=SCC", help="assume this grant; repeatable"
    )
    parser.add_argument("--namespace-range", metavar="START/LENGTH", help="UIDs of namespaces that say none")
    parser.add_argument("--namespace", default="default", metavar="NAME", help="namespace of objects that name none")
    parser.add_argument(
        "--all-namespaces", action="store_true", help="assume that the webhook is asked about every namespace"
    )
    parser.add_argument(
        "--user-namespaces",
        action="store_true",
        help="assume OpenShift 4.20, whose restricted-v3 everyone may use, and the rule user-namespace",
    )
    parser.add_argument(
        "--fail-on",
        choices=("after", "before", "never"),
        default="after",
        help="exit with 1 if a pod is rejected after the webhook (the default), before it, or never",
    )
    parser.add_argument("--suggest", action="store_true", help="print the RoleBinding for what stays rejected")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Judge every pod template, and report in the chosen form."""
    from webhook.manifests import reader
    from webhook.offline import check, report
    from webhook.rules import OPTIONS
    from webhook.settings import configuration

    start = time.perf_counter()
    if options.suggest and options.output != "text":
        raise BadInput("--suggest prints YAML of its own: it goes with --output text")
    settings = configuration.load(options.config, OPTIONS)
    if options.user_namespaces:
        chosen = settings.rules.get("user-namespace") or True
        settings = replace(settings, rules={**settings.rules, "user-namespace": chosen})
    documents, problems = reader.read_all(options.inputs)
    cluster = _cluster(options, settings)
    templates = list(_with_progress(check.check(documents, settings, cluster)))
    _refuse_unknown_sccs(options, cluster)
    unread = [check.NotJudged(each.file, each.line or 1, "", "", each.why) for each in problems]
    _write_report(options, templates, [*unread, *cluster.not_judged], time.perf_counter() - start)
    sys.stderr.write("".join(f"{line}\n" for line in (*problems, *cluster.not_judged)))
    for template in templates if options.suggest else ():
        if not template.after.admitted_by and (suggested := report.suggestion(template)):
            sys.stdout.write(f"---\n{suggested}")
    if problems or (cluster.not_judged and not templates):
        return ExitCode.BAD_INPUT
    return _found(templates, options.fail_on)


def _found(templates: "Sequence[TemplateVerdict]", fail_on: str) -> ExitCode:
    verdicts = [each.before if fail_on == "before" else each.after for each in templates]
    rejected = fail_on != "never" and not all(verdict.admitted_by for verdict in verdicts)
    return ExitCode.FOUND if rejected else ExitCode.FINE


def _with_progress(templates: "Iterable[TemplateVerdict]") -> "Iterable[TemplateVerdict]":
    """Return the templates; show a progress bar while they are judged, if standard error is a terminal."""
    if not sys.stderr.isatty():
        return templates
    from rich.console import Console
    from rich.progress import track

    return track(templates, "Judging pod templates", console=Console(stderr=True), transient=True)


def _cluster(options: argparse.Namespace, settings: "Settings") -> "Cluster":
    """Return the cluster that the options describe."""
    from webhook.offline.check import Cluster
    from webhook.scc.grants import Grants
    from webhook.scc.ranges import EXAMPLE, Ranges, parse_range

    more = ["restricted-v3"] if options.user_namespaces else []
    grants = Grants.of(dict.fromkeys([*(options.scc or settings.everyone), *more]))
    for text in options.grant or ():
        who, equals, scc = text.partition("=")
        if not equals or who.count("/") != 1:
            raise BadInput(f"--grant: expected NAMESPACE/SERVICEACCOUNT=SCC, got {text}")
        grants.grant(who, [scc])
    ranges = EXAMPLE
    if options.namespace_range:
        users = parse_range(options.namespace_range)
        ranges = Ranges(users, (users,), EXAMPLE.level)
    return Cluster(grants, ranges, all_namespaces=options.all_namespaces, default_namespace=options.namespace)


def _refuse_unknown_sccs(options: argparse.Namespace, cluster: "Cluster") -> None:
    """Raise BadInput for an option with an SCC that neither OpenShift nor the input defines."""
    named = {text.partition("=")[2] for text in options.grant or ()} | {*cluster.grants.everyone}
    if unknown := named - cluster.grants.sccs.keys():
        wrong, known = min(unknown), sorted(cluster.grants.sccs)
        raise BadInput(f"{wrong}: no such SCC{nearest(wrong, known)}; known here: {', '.join(known)}")


def _write_report(
    options: argparse.Namespace,
    templates: "Sequence[TemplateVerdict]",
    not_judged: "Sequence[NotJudged]",
    seconds: float,
) -> None:
    """Write a report to standard output. Each form imports only its own module."""
    form = options.output
    if form == "text":
        from rich.console import Console

        from webhook.offline.report_text import as_text

        as_text(templates, Console(highlight=False))
    elif form == "json":
        from webhook.offline.report import as_json

        sys.stdout.write(as_json(templates, not_judged))
    elif form == "sarif":
        from webhook.offline.report_sarif import as_sarif

        sys.stdout.write(as_sarif(templates, not_judged))
    elif form == "junit":
        from webhook.offline.report_junit import as_junit

        sys.stdout.write(as_junit(templates, not_judged, seconds))
    else:
        from webhook.offline.report_html import as_html

        sys.stdout.write(as_html(templates, not_judged, options.inputs, _now()))


def _now() -> "datetime":
    """Return the time that reports carry: SOURCE_DATE_EPOCH if it is set, so that a build can be repeated."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(float(os.environ.get("SOURCE_DATE_EPOCH") or time.time()), UTC)
