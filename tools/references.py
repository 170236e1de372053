"""The reference pages of the site, from what they describe: commands, configuration, metrics."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client.metrics import MetricWrapperBase

from tests.support.blocks import TOLERANT
from tests.support.paths import ROOT
from webhook.cli.main import parser
from webhook.rules import RULES
from webhook.server import telemetry
from webhook.settings.model import PATTERNS

RUN: Final = {
    "serve": "run by tests/server/test_examples_of_serve.py",
    "policy": "not run: needs Kubernetes 1.36; a test runs the policy behind the feature gate of 1.34",
    "completion": "run by tests/cli/test_usage.py",
}
"""What is said above the examples of a command that are not simply run on a node."""
CONFIG: Final = ROOT / "deploy/base/config.yaml"


def pages(generated: str) -> Iterator[tuple[Path, str]]:
    """Yield each page and its text; `generated` says that it is written by a program."""
    for name, title, source, lines in (
        ("commands", "Commands", "webhook/cli", commands()),
        ("configuration", "Configuration", "deploy/base/config.yaml, webhook/rules", configuration()),
        ("metrics", "Metrics", "webhook/server/telemetry.py", metrics()),
    ):
        text = "\n".join([f"# {title}", "", f"<!-- {generated}: {source} -->", "", *lines, ""])
        yield ROOT / f"docs/{name}.md", text


def commands() -> Iterator[str]:
    """Yield a section for each command: purpose, options, examples and exit codes."""
    yield "[Command line](command-line.md) says what each is for and what it prints."
    [subparsers] = [each for each in parser()._actions if isinstance(each, argparse._SubParsersAction)]  # noqa: SLF001
    said = {each.dest: each.help for each in subparsers._choices_actions}  # noqa: SLF001
    for name, command in subparsers.choices.items():
        yield from ("", f"## {name}", "", f"{_sentence(said[name])}", "", "| argument | meaning |", "|---|---|")
        for action in command._actions[1:]:  # noqa: SLF001 - the first is --help
            yield f"| `{_written(action)}` | {_meaning(action)} |"
        examples, codes = (command.epilog or "").split("exit codes:")
        lines = map(str.strip, examples.strip().splitlines()[1:])
        yield from ("", f"<!-- {RUN.get(name, TOLERANT)} -->", "```sh", *filter(None, lines), "```")
        yield from ("", "| exit code | means |", "|---|---|")
        yield from (f"| {' | '.join(line.strip().split(None, 1))} |" for line in codes.strip().splitlines())


def _written(action: argparse.Action) -> str:
    """Return an argument as one writes it."""
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    text = "" if action.nargs == 0 else str(value)
    if not action.option_strings:
        return f"{text}..." if action.nargs in ("+", "*") else text
    return f"{', '.join(action.option_strings)} {text}".strip().replace("|", "\\|")


def _meaning(action: argparse.Action) -> str:
    return (action.help or "").replace("%(default)s", str(action.default)).replace("|", "\\|")


def _sentence(text: str | None) -> str:
    text = (text or "").strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


def configuration() -> Iterator[str]:
    """Yield the file with its defaults, and what can be set for each rule."""
    yield "One file: the key `config.yaml` of the ConfigMap `kubeflow-openshift`. A wrong value is refused with its"
    yield "line and the nearest right word; the former settings stay. [Configure](operations.md#configure) says how."
    yield from (
        "",
        "## The defaults",
        "",
        "```yaml",
        *CONFIG.read_text().strip().splitlines(),
        "```",
        "",
        "## Rules",
        "",
    )
    yield "`rules: {RULE: false}` switches a rule off, `true` on, and a map of options switches it on with these."
    yield from ("", "| rule | default | options |", "|---|---|---|")
    for name, rule in sorted(RULES.items()):
        options = (f"`{option}`: {_allowed(allowed)}" for option, allowed in rule.options.items())
        yield f"| [{name}](rules.md#{name}) | {'on' if rule.default else 'off'} | {'; '.join(options) or '-'} |"


def _allowed(allowed: object) -> str:
    if allowed == PATTERNS:
        return "a list of patterns"
    return " or ".join(f"`{word}`" for word in allowed) if allowed and isinstance(allowed, tuple) else "a map"


def metrics() -> Iterator[str]:
    """Yield a table of the metrics."""
    yield "At `/metrics` of port 8080, with the overlay `observability` for Prometheus, alerts and a dashboard"
    yield "([Monitoring](operations.md#monitoring)). No label has a value from an object but its kind."
    yield from ("", "| metric | type | labels | meaning |", "|---|---|---|---|")
    found = (each for each in vars(telemetry).values() if isinstance(each, MetricWrapperBase))
    for metric in found:
        described = next(iter(metric.describe()))
        name = described.name + ("_total" if described.type == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001
        yield f"| `{name}` | {described.type} | {labels or '-'} | {described.documentation} |"
