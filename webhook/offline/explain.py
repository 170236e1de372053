"""Why does OpenShift refuse it? An object, or the text of OpenShift's error, answered as a person would."""

import re
from collections.abc import Iterator
from typing import Final

from webhook.manifests.reader import Document
from webhook.offline.check import Cluster, check
from webhook.offline.report import name, reasons, suggestion
from webhook.rules import RULES
from webhook.scc.grants import Grants
from webhook.settings.model import Settings

NOT_USABLE: Final = "not usable by user or serviceaccount"
PLAIN: Final = (
    # what OpenShift says -> what it means, the rule that helps, and the SCC that would grant it
    (r"is not an allowed group", "asks for a group that the namespace was not given", "fs-group", "nonroot-v2"),
    (
        r"runAsUser: .*must be in the ranges",
        "asks for a UID outside the namespace's range",
        "run-as-user",
        "nonroot-v2",
    ),
    (r"running with the root UID", "asks to run as root", "run-as-user", "anyuid"),
    (r"Privileged containers are not allowed", "asks for a privileged container", "unneeded-privilege", "privileged"),
    (r"capability may not be added", "asks for a Linux capability", "", "privileged"),
    (r"is required to be dropped but was not found", "keeps capabilities that must go", "sidecar-security-context", ""),
    (r"required capabilities are not set", "lacks what SCC assigns: it came after SCC", "sidecar-security-context", ""),
    (r"hostPath volumes are not allowed", "mounts a directory of the node", "", "hostmount-anyuid"),
    (r"volumes are not allowed to be used", "mounts a kind of volume that is not for everyone", "", "privileged"),
    (r"Host network is not allowed", "asks for the node's network", "", "hostnetwork-v2"),
    (r"Host ports are not allowed", "asks for a port of the node", "", "hostnetwork-v2"),
    (r"Host (PID|IPC) is not allowed", "asks to see the node's processes", "", "hostaccess"),
    (r"Allowing privilege escalation", "allows itself to gain privileges", "unneeded-privilege", "nonroot"),
    (r"seccomp", "asks for a seccomp profile that this SCC does not allow", "", "privileged"),
    (r"sysctl", "sets a kernel parameter that is not safe", "", "privileged"),
    (r"seLinuxOptions", "asks for an SELinux label that the namespace was not given", "", "privileged"),
    (NOT_USABLE, "may not be used by its service account", "", ""),
)
PROVIDER: Final = re.compile(r"provider \"?([a-z0-9.-]+)\"?: ")


def is_error(text: str) -> bool:
    """Tell OpenShift's error text from a manifest."""
    return "security context constraint" in text or bool(PROVIDER.search(text))


def objects(documents: list[Document], settings: Settings) -> tuple[list[str], bool]:
    """Return the lines that explain every pod template of some manifests, and whether one stays refused."""
    lines: list[str] = []
    refused = False
    for template in check(documents, settings, Cluster(Grants(everyone=settings.everyone))):
        refused |= not template.after.admitted_by
        without, with_us = (v.admitted_by or "refused" for v in (template.before, template.after))
        lines.append(f"{name(template)} {template.path}: without us {without}, with us {with_us}")
        lines += [f"    restricted-v2: {reason}" for reason in reasons(template.before)]
        rules = sorted({finding.rule for finding in template.findings})
        if rules:
            lines.append(f"    changed by {', '.join(rules)}")
        if not template.after.admitted_by:
            lines += [f"    with us still: {reason}" for reason in reasons(template.after)]
            lines.append(
                f"    the smallest grant that would admit it: {template.smallest or 'none of the default SCCs'}"
            )
            lines += [f"      {line}" for line in suggestion(template).splitlines()]
    return lines or ["no pod template here"], refused


def refusals(text: str) -> list[tuple[str, str]]:
    """Return from OpenShift's error text which SCC says what, in its order.

    They are separated by commas where SCC admits, and by nothing but blanks where it validates after the webhooks.
    """
    _, _, inside = text.partition("security context constraint: [")
    parts = re.split(r",? (?=provider |spec\.|pod\.)", (inside or text).strip().removesuffix("]"))
    found = [(PROVIDER.match(part), part) for part in parts]
    return [(by[1], part[by.end() :].lstrip(".")) if by else ("every SCC", part) for by, part in found]


def error(text: str) -> Iterator[str]:
    """Yield the lines that explain OpenShift's error text, SCC by SCC."""
    parts = refusals(text)
    if not any(re.search(pattern, said) for _, said in parts for pattern, *_ in PLAIN):
        yield "This is no refusal by SCC that is known here; it would say `unable to validate against any security"
        yield "context constraint: [...]`."
        return
    rules: dict[str, None] = {}
    if all(NOT_USABLE in said for _, said in parts):
        yield "Only SCCs speak here that the service account may not use. One that it may use and that is not named"
        yield "would have to change the pod, and after the webhooks it must not: a webhook added a container that lacks"
        yield "what SCC assigns. Rule sidecar-security-context mends it."
        yield ""
    for provider, said in parts:
        for pattern, meaning, rule, scc in PLAIN:
            if re.search(pattern, said):
                yield f"{provider}: {said}"
                if pattern == NOT_USABLE:
                    break
                helps = f"rule {rule} mends it" if rule in RULES else "no rule can mend it"
                yield f"    the pod {meaning}; {helps}" + (f", or SCC {scc} grants it" if scc else "")
                rules.setdefault(rule)
                break
    known = [rule for rule in rules if rule in RULES]
    if known:
        yield ""
        yield f"With the webhook installed these rules rewrite the owner's pod template: {', '.join(known)}."
