"""Explain why OpenShift rejects an object, from its manifest or from OpenShift's error message."""

import re
from collections.abc import Iterator
from typing import Final

from webhook.manifests.reader import Document
from webhook.offline.check import Cluster, check
from webhook.offline.reasons import reasons
from webhook.offline.report import BARE_POD, name, suggestion
from webhook.rules import RULES
from webhook.scc.grants import Grants
from webhook.settings.model import Settings

NOT_USABLE: Final = "not usable by user or serviceaccount"
PLAIN: Final = (
    # pattern in OpenShift's message, its meaning, the rule that helps, the SCC that grants it
    (r"is not an allowed group", "requests a group outside the namespace's range", "fs-group", "nonroot-v2"),
    (r"runAsUser: Invalid value: 0: ", "requests to run as root", "run-as-user", "anyuid"),
    (
        r"runAsUser: .*must be in the ranges",
        "requests a UID outside the namespace's range",
        "run-as-user",
        "nonroot-v2",
    ),
    (r"running with the root UID", "requests to run as root", "run-as-user", "anyuid"),
    (r"Privileged containers are not allowed", "requests a privileged container", "", "privileged"),
    (r"capability may not be added", "requests a Linux capability", "", "privileged"),
    (r"is required to be dropped but was not", "does not drop required capabilities", "sidecar-security-context", ""),
    (
        r"required capabilities are not set",
        "lacks the defaults of SCC: a webhook added it",
        "sidecar-security-context",
        "",
    ),
    (r"hostPath volumes are not allowed", "mounts a directory of the node", "", "hostmount-anyuid"),
    (r"volumes are not allowed to be used", "mounts a volume type that needs a grant", "", "privileged"),
    (r"Host network is not allowed", "requests the node's network", "", "hostnetwork-v2"),
    (r"Host ports are not allowed", "requests a port of the node", "", "hostnetwork-v2"),
    (r"Host (PID|IPC) is not allowed", "requests access to the node's processes", "", "hostaccess"),
    (r"Allowing privilege escalation", "allows privilege escalation", "", "nonroot"),
    (r"seccomp", "requests a seccomp profile that this SCC does not allow", "", "privileged"),
    (r"sysctl", "sets an unsafe sysctl", "", "privileged"),
    (r"seLinuxOptions", "requests an SELinux label outside the namespace's range", "", "privileged"),
    (NOT_USABLE, "may not be used by its service account", "", ""),
)
COVERS: Final = {
    "nonroot": ("nonroot-v2",),
    "anyuid": ("nonroot", "nonroot-v2"),
    "hostmount-anyuid": ("anyuid", "nonroot", "nonroot-v2"),
}
"""SCCs that grant all that others grant. `privileged` grants everything."""
OTHERS: Final = {
    r"violates? PodSecurity": """\
Pod Security admission warns or rejects by the namespace's pod-security labels. This is not SCC.
    OpenShift sets these labels from the SCCs that the namespace's accounts may use. A pod that restricted-v2 admits
    passes. For any other, `kubeflow-openshift check` names the SCC to grant.""",
    r"cannot set blockOwnerDeletion": """\
A controller creates an object that blocks the deletion of its owner, and may not update the owner's finalizers.
    OpenShift checks this; other clusters do not. Rule finalizers adds the right to the controller's role: apply the
    role again while the webhook runs.""",
    r"failed calling webhook": """\
The API server did not reach a webhook whose failurePolicy is Fail. If it is zz-kubeflow-openshift, check that its pods
    are ready (`oc -n kubeflow-openshift get pods`) and that its certificate is trusted (`python -m certs show`).""",
}
"""Other errors of the API server: a pattern, and what it means and what to do."""
PROVIDER: Final = re.compile(r"provider \"?([a-z0-9.-]+)\"?: ")


def is_error(text: str) -> bool:
    """Check whether a text is OpenShift's error message rather than a manifest."""
    return "security context constraint" in text or bool(PROVIDER.search(text)) or other_error(text) is not None


def other_error(text: str) -> str | None:
    """Return what another error of the API server means and what to do; None if it is not known."""
    return next((meaning for pattern, meaning in OTHERS.items() if re.search(pattern, text)), None)


def objects(documents: list[Document], settings: Settings) -> tuple[list[str], bool]:
    """Return lines that explain every pod template, and whether one is rejected after the webhook."""
    lines: list[str] = []
    refused = False
    for template in check(documents, settings, Cluster(Grants(everyone=settings.everyone))):
        refused |= not template.after.admitted_by
        before, after = (v.admitted_by or "rejected" for v in (template.before, template.after))
        lines.append(f"{name(template)} {template.path}: before {before}, after {after}")
        lines += [f"    restricted-v2: {reason}" for reason in reasons(template.before)]
        rules = sorted({finding.rule for finding in template.findings})
        if rules:
            lines.append(f"    changed by {', '.join(rules)}")
        if not template.after.admitted_by:
            lines += [f"    still rejected: {reason}" for reason in reasons(template.after)]
            lines += [f"    {BARE_POD}"] if template.kind == "Pod" else []
            lines.append(f"    smallest sufficient grant: {template.smallest or 'none of the default SCCs'}")
            lines += [f"      {line}" for line in suggestion(template).splitlines()]
    return lines or ["no pod template found"], refused


def refusals(text: str) -> list[tuple[str, str]]:
    """Return each SCC and its reason in OpenShift's error message, in order.

    Commas separate them if they are from the admission phase, and only blanks if from validation after the webhooks.
    """
    _, _, inside = text.partition("security context constraint: [")
    parts = re.split(r",? (?=provider |spec\.|pod\.)", (inside or text).strip().removesuffix("]"))
    found = [(PROVIDER.match(part), part) for part in parts]
    return [(by[1], part[by.end() :].lstrip(".")) if by else ("every SCC", part) for by, part in found]


def error(text: str) -> Iterator[str]:
    """Yield lines that explain OpenShift's error message, by SCC, and the one grant that covers all of it."""
    if "security context constraint" not in text and (meaning := other_error(text)):
        yield meaning
        return
    parts = refusals(text)
    if not any(re.search(pattern, said) for _, said in parts for pattern, *_ in PLAIN):
        yield "Expected an SCC error such as `unable to validate against any security context constraint: [...]`."
        return
    rules: dict[str, None] = {}
    grants: dict[str, None] = {}
    if all(NOT_USABLE in said for _, said in parts):
        yield "The message names only SCCs that the service account may not use. A usable SCC would have to change the"
        yield "pod, which it must not do after the webhooks: a webhook added a container without the defaults of SCC."
        yield "Rule sidecar-security-context fixes this."
        yield ""
    for provider, said in parts:
        for pattern, meaning, rule, scc in PLAIN:
            if re.search(pattern, said):
                yield f"{provider}: {said}"
                if pattern == NOT_USABLE:
                    break
                helps = f"rule {rule} fixes it" if rule in RULES else "no rule fixes it"
                yield f"    the pod {meaning}; {helps}" + (f", or SCC {scc} grants it" if scc else "")
                rules.setdefault(rule)
                grants.setdefault(scc)
                break
    known = [rule for rule in rules if rule in RULES]
    if known:
        yield ""
        yield f"In the installed webhook, these rules rewrite the owner's pod template: {', '.join(known)}."
    if grants := {scc: None for scc in grants if scc}:
        one = next((scc for scc in (*grants, *COVERS) if grants.keys() <= {scc, *COVERS.get(scc, ())}), "privileged")
        yield f"Without a rule, one grant covers all of it: SCC {one}."
