"""Run all checks that the state allows, and format what they found."""

import datetime as dt
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from webhook import VERSION
from webhook.doctor import access, installation, workloads
from webhook.doctor.installation import Diagnosis
from webhook.doctor.state import State
from webhook.offline.check import Cluster
from webhook.rules import RULES
from webhook.settings.model import Settings

LINES: Final = textwrap.TextWrapper(80, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False)


def diagnose(state: State, settings: Settings, cluster: Cluster) -> Iterator[Diagnosis]:
    """Yield what each check finds, in the order in which to act. A check without what it needs finds nothing."""
    checks: tuple[tuple[Callable[[], Iterable[Diagnosis]], tuple[str, ...]], ...] = (
        (partial(installation.registered, state, RULES.values()), ("configurations",)),
        (partial(installation.trusted, state, dt.datetime.now(dt.UTC)), ("configurations",)),
        (partial(installation.reachable, state), ("services", "servers", "endpointslices")),
        (partial(installation.protected, state), ("networkpolicies",)),
        (partial(access.everyone, state, cluster, settings), ("SecurityContextConstraints", "ClusterRoleBinding")),
        (
            partial(access.user_namespaces, state, cluster, settings),
            ("SecurityContextConstraints", "ClusterRoleBinding", "nodes"),
        ),
        (partial(workloads.not_asked, state, settings, cluster), ("namespaces",)),
        (partial(workloads.rejections, state, settings, cluster), ("Deployment.apps",)),
        (partial(access.istio, state), ("namespaces", "cni")),
    )
    for check, needs in checks:
        if state.has(*needs):
            yield from check()


def as_text(found: Iterable[Diagnosis], grants: dict[str, list[str]]) -> str:
    """Return one paragraph per diagnosis, with the command that fixes it on a line of its own."""
    lines: list[str] = []
    for each in found:
        mark = "ok" if each.command is None else "!!"
        lines += LINES.wrap(f"{mark} {each.check}: {each.says}")
        lines += [f"   {each.command}"] if each.command else []
    lines += ["", "SCCs beyond everyone's:"] if grants else []
    lines += [f"   {who}: {', '.join(names)}" for who, names in grants.items()]
    return "\n".join(lines) + "\n"


def as_json(found: Iterable[Diagnosis], grants: dict[str, list[str]], not_read: list[str]) -> str:
    """Return the diagnoses as JSON."""
    diagnoses = [
        {"check": each.check, "good": each.command is None, "says": each.says, "command": each.command or None}
        for each in found
    ]
    body = {"version": VERSION, "diagnoses": diagnoses, "grants": grants, "notLookedAt": not_read}
    return json.dumps(body, indent=2) + "\n"
