"""The reasons of SCC that `explain` knows, as one table. `make update` writes it into docs/troubleshooting.md."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from webhook.objects.model import Object

SIDECAR: Final = "sidecar-security-context"
NOT_USABLE: Final = "not usable by user or serviceaccount"


@dataclass(frozen=True, slots=True)
class Error:
    """An error that users see, its meaning, and what to do."""

    seen: str
    """The words of the error, with example values."""
    pattern: str
    """A regular expression that finds it. Its last group is the value that `part` needs."""
    means: str
    do: str = ""
    """What to do; "" if the rules and the SCC model say it."""
    part: Callable[[str], Object] | None = None
    """Return the part of a pod that causes the error, from its value."""

    def part_of(self, text: str) -> Object | None:
        """Return the part of a pod that causes the error in a text."""
        match = re.search(self.pattern, text)
        return self.part(match[match.lastindex or 0]) if self.part and match else None


def _pod(**fields: object) -> Object:
    return {"securityContext": fields}


def _container(**fields: object) -> Object:
    return {"containers": [{"securityContext": fields}]}


def _volume(kind: str) -> Object:
    return {"volumes": [{"name": "it", kind: {}}]}


def _seccomp(profile: str) -> Object:
    kind, _, file = profile.partition("/")
    return _pod(seccompProfile={"type": kind.title(), **({"localhostProfile": file} if kind == "localhost" else {})})


def _se_linux(said: str) -> Object:
    field, _, value = said.partition(': Invalid value: "')
    return _pod(seLinuxOptions={field: value})


ADDED_LATER: Final = "A webhook that ran after SCC added a container without the defaults that SCC sets."
REASONS: Final = (
    Error(
        "fsGroup: Invalid value: [100]: 100 is not an allowed group",
        r"fsGroup: .*?(\d+) is not an allowed group",
        "The pod requests a group outside the namespace's range.",
        part=lambda group: _pod(fsGroup=int(group)),
    ),
    Error(
        "supplementalGroups: Invalid value: [100]: 100 is not an allowed group",
        r"supplementalGroups: .*?(?:(\d+) is not an allowed|unable to validate empty) group",
        "The pod requests a group outside the namespace's range.",
        part=lambda group: _pod(supplementalGroups=[int(group)] if group.isdigit() else []),
    ),
    Error(
        "runAsUser: Invalid value: 0: must be in the ranges: [1000650000, 1000659999]",
        r"runAsUser: Invalid value: 0: ",
        "The pod requests to run as root.",
        part=lambda _: _container(runAsUser=0),
    ),
    Error(
        "runAsUser: Invalid value: 1000: must be in the ranges: [1000650000, 1000659999]",
        r"runAsUser: Invalid value: (\d+): must be",
        "The pod requests a UID outside the namespace's range.",
        part=lambda user: _container(runAsUser=int(user)),
    ),
    Error(
        "Privileged containers are not allowed",
        r"Privileged containers are not allowed",
        "The pod requests a privileged container.",
        part=lambda _: _container(privileged=True),
    ),
    Error(
        "Allowing privilege escalation for containers is not allowed",
        r"Allowing privilege escalation",
        "The pod allows privilege escalation.",
        part=lambda _: _container(allowPrivilegeEscalation=True),
    ),
    Error(
        'capabilities.add: Invalid value: "NET_ADMIN": capability may not be added',
        r'"(\w+)": capability may not be added',
        "The pod requests a Linux capability.",
        part=lambda name: _container(capabilities={"add": [name]}),
    ),
    Error(
        "hostPath volumes are not allowed to be used",
        r"(hostPath) volumes are not allowed",
        "The pod mounts a directory of the node.",
        part=_volume,
    ),
    Error(
        "nfs volumes are not allowed to be used",
        r"(\w+) volumes are not allowed",
        "The pod mounts a volume of a type that needs a grant.",
        part=_volume,
    ),
    Error(
        "Host network is not allowed to be used",
        r"Host network is not allowed",
        "The pod requests the node's network.",
        part=lambda _: {"hostNetwork": True},
    ),
    Error(
        "Host ports are not allowed to be used",
        r"Host ports are not allowed",
        "The pod requests a port of the node.",
        part=lambda _: {"containers": [{"ports": [{"containerPort": 8080, "hostPort": 8080}]}]},
    ),
    Error(
        "Host PID is not allowed to be used",
        r"Host (PID|IPC) is not allowed",
        "The pod requests access to the node's processes.",
        part=lambda what: {f"host{what}": True},
    ),
    Error(
        "unconfined is not an allowed seccomp profile",
        r"(\S+) is not an allowed seccomp profile",
        "The pod requests a seccomp profile that this SCC does not allow.",
        part=_seccomp,
    ),
    Error(
        "seccomp may not be set",
        r"seccomp may not be set",
        "The pod requests a seccomp profile that this SCC does not allow.",
        part=lambda _: _pod(seccompProfile={"type": "RuntimeDefault"}),
    ),
    Error(
        'unsafe sysctl "kernel.msgmax" is not allowed',
        r'sysctl "([^"]+)" is not allowed',
        "The pod sets an unsafe sysctl.",
        part=lambda name: _pod(sysctls=[{"name": name, "value": "1"}]),
    ),
    Error(
        'seLinuxOptions.level: Invalid value: "s0:c1,c2": must be s0:c26,c5',
        r'seLinuxOptions\.(\w+: Invalid value: "[^"]*)"',
        "The pod requests an SELinux label other than the namespace's.",
        part=_se_linux,
    ),
    Error(
        "Host Users must be set to false",
        r"Host Users must be set",
        "The pod runs in the node's user namespace, and restricted-v3 admits no such pod.",
        part=lambda _: {},
    ),
    Error(
        "running with the root UID is forbidden",
        r"running with the root UID",
        "The pod requests to run as root.",
        part=lambda _: _container(runAsUser=0),
    ),
    Error(
        "runAsNonRoot: Invalid value: false: must be true",
        r"runAsNonRoot: Invalid value: false",
        "The pod may run as root, and this SCC admits no such pod.",
        part=lambda _: _container(runAsNonRoot=False),
    ),
    Error(
        "capabilities.drop: Invalid value: null: ALL is required to be dropped but was not",
        r"required to be dropped but was not|required capabilities are not set",
        ADDED_LATER,
        f"Rule `{SIDECAR}` fixes this.",
    ),
    Error("runAsUser: Required value", r": Required value", ADDED_LATER, f"Rule `{SIDECAR}` fixes this."),
    Error(
        NOT_USABLE,
        NOT_USABLE,
        "The service account may not use that SCC.",
        f"It is not the cause, unless every reason is this one: then rule `{SIDECAR}` fixes it.",
    ),
)
"""Reasons that SCC gives after `unable to validate against any security context constraint`. The first match counts."""


def find(text: str, table: tuple[Error, ...]) -> Error | None:
    """Return the first error of a table that a text has."""
    return next((error for error in table if re.search(error.pattern, text)), None)
