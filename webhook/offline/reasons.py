"""Read SCC's reasons: which field each names, and the same in fewer words."""

import re
from collections.abc import Sequence
from typing import Final

from webhook.objects.model import Pointer
from webhook.scc.admission import Verdict

REASON: Final = re.compile(
    r"(?:provider \S+: )?\.?(?P<where>[^\s:]+): (?:Forbidden: |Required value: |"
    r"(?:Invalid|Unsupported) value: (?P<value>\"[^\"]*\"|\[.*?\]|\{.*?\}|[^\s:]+): )(?P<detail>.+)",
    re.DOTALL,
)
OWN_FIELDS: Final = ("ports", "securityContext")
"""Fields of a container that SCC names with their whole path. It leaves out `securityContext` before all others."""


def reasons(verdict: Verdict) -> list[str]:
    """Return the reasons of the first SCC that rejects a pod, each once."""
    return list(dict.fromkeys(next(iter(verdict.refusals.values()), [])))


def field_of(reason: str) -> Pointer:
    """Return the pointer of the field that a reason names, from the pod spec on; () if it names none."""
    found = REASON.fullmatch(reason)
    steps = re.findall(r"[^.\[\]]+", found["where"]) if found else []
    at: list[str | int] = [int(step) if step.isdecimal() else step for step in steps if step != "spec"]
    if len(at) > 2 and str(at[0]).endswith("ontainers") and at[2] not in OWN_FIELDS:  # noqa: PLR2004 - list, index, field
        at.insert(2, "securityContext")
    return tuple(at)


def brief(reasons: Sequence[str]) -> list[str]:
    """Return one line for each kind of reason: the first of its kind, and the number of the others."""
    kinds: dict[str, list[str]] = {}
    for reason in dict.fromkeys(reasons):
        found = REASON.fullmatch(reason)
        what = " ".join(filter(None, (found["where"], found["value"]))) + f": {found['detail']}" if found else reason
        kinds.setdefault(found["detail"] if found else reason, []).append(what)
    return [first + (f" (and {len(more)} more like this)" if more else "") for first, *more in kinds.values()]
