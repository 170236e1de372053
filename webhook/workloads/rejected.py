"""Whether a stored object shows that OpenShift rejects pods of its template. In doubt, the answer is no.

KINDS names one of these functions for each kind whose status shows it.
"""

import re
from typing import Any, Final

from webhook.objects.model import Object, lookup, mapping, sequence

IN_WORDS_OF_SCC: Final = "security context constraint"
TRIED: Final = re.compile(r'provider "?([a-z0-9.-]+)"?: (?!Forbidden: not usable)')
"""Matches the SCCs that the account may use, in the message with which SCC rejects a pod."""


def deployment(stored: Object) -> bool:
    """Check whether SCC rejects pods of the stored template and none exists. Older pods may run meanwhile."""
    return bool(_rejection(stored)) and not _count(stored, "updatedReplicas")


def replica_set(stored: Object) -> bool:
    """Check whether SCC rejects pods and none exists. The status does not say which template a pod has."""
    return bool(_rejection(stored)) and not _count(stored, "replicas")


def stateful_set(stored: Object) -> bool:
    """Check whether a pod is missing and none of the stored template exists. The status gives no reason.

    A terminating pod counts in `replicas` only; its successor has not been created yet.
    """
    missing = _count(stored, "replicas") < (_number(lookup(stored, ("spec", "replicas"))))
    shuts_down = _count(stored, "replicas") != _count(stored, "currentReplicas")
    return _rolls_out(stored) and missing and not shuts_down and not _count(stored, "updatedReplicas")


def daemon_set(stored: Object) -> bool:
    """Check whether a pod is missing and none of the stored template exists. The status gives no reason."""
    missing = _count(stored, "currentNumberScheduled") < _count(stored, "desiredNumberScheduled")
    return _rolls_out(stored) and missing and not _count(stored, "updatedNumberScheduled")


def observed(stored: Object) -> bool:
    """Check whether the status describes the stored template."""
    generation = lookup(stored, ("metadata", "generation"))
    return generation is not None and lookup(stored, ("status", "observedGeneration")) == generation


def usable(stored: Object) -> set[str]:
    """Return the SCCs that the account may use, according to a rejection."""
    return set(TRIED.findall(_rejection(stored)))


def _rejection(stored: Object) -> str:
    for condition in sequence(stored, ("status", "conditions")):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            message = str(condition.get("message"))
            return message if IN_WORDS_OF_SCC in message else ""
    return ""


def _rolls_out(stored: Object) -> bool:
    strategy = mapping(stored, ("spec", "updateStrategy"))
    return strategy.get("type") != "OnDelete" and not lookup(strategy, ("rollingUpdate", "partition"))


def _count(stored: Object, field: str) -> int:
    return _number(lookup(stored, ("status", field)))


def _number(value: Any) -> int:
    return value if type(value) is int else 0
