"""rules: the rules, and the page of each."""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Final

from webhook.cli.exit_codes import Commands, ExitCode
from webhook.objects.model import BadInput
from webhook.settings.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook.rules.registry import Rule
    from webhook.settings.model import Settings

EPILOG: Final = """\
examples:
  kubeflow-openshift rules
  kubeflow-openshift rules fs-group
  kubeflow-openshift rules --json --config config.yaml

exit codes:
  0  listed
  2  no such rule, or bad usage
"""


def add_parser(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add the command `rules`."""
    parser = commands.add_parser(
        "rules", parents=[config], help="list the rules, or show one rule's page", epilog=EPILOG
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="the ID of a rule")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="print the pages as Markdown")
    form.add_argument("--json", action="store_true", help="print the rules and their pages as JSON")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """List the rules, or show the page of one."""
    from webhook.rules import OPTIONS, RULES, page
    from webhook.settings import configuration

    settings = configuration.load(options.config, OPTIONS)
    if options.id and options.id not in RULES:
        raise BadInput(f"{options.id}: no such rule{nearest(options.id, RULES)}; there are: {', '.join(sorted(RULES))}")
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
    return ExitCode.FINE


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
