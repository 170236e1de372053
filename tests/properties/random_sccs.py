"""Random SCCs and namespaces: what an administrator may write that the default ones do not reach."""

import random
from typing import Any

from tests.properties.random_pods import CAPABILITIES, some

Object = dict[str, Any]

PROFILES: tuple[list[str], ...] = (
    ["*"],
    ["runtime/default"],
    ["docker/default"],
    [],
    ["localhost/p.json", "runtime/default"],
    ["unconfined", "*"],
)


def scc(dice: random.Random, number: int, first: int) -> Object:
    """Return an SCC of a random administrator; `first` is the namespace's first id."""

    def flag(name: str, chance: float = 0.3) -> Object:
        return some(dice, name, chance, lambda: dice.choice((True, False)))

    user = dice.choice(
        (
            {"type": "RunAsAny"},
            {"type": "MustRunAsNonRoot"},
            {"type": "MustRunAsRange"},
            {"type": "MustRunAsRange", "uidRangeMin": 1000, "uidRangeMax": 9000},
            {"type": "MustRunAs", "uid": dice.choice((0, 1000, first))},
        )
    )
    options = {
        "level": dice.choice(("s0:c1,c2", "s0:c2,c1", "")),
        "type": dice.choice(("t_t", "")),
        "role": "",
        "user": "",
    }
    se_linux = dice.choice(
        ({"type": "RunAsAny"}, {"type": "MustRunAs"}, {"type": "MustRunAs", "seLinuxOptions": options})
    )
    return {
        "metadata": {"name": f"own-{number}"},
        "priority": dice.choice((None, None, 0, 5, 20)),
        "runAsUser": user,
        "seLinuxContext": se_linux,
        **some(dice, "fsGroup", 0.8, lambda: groups(dice, first)),
        **some(dice, "supplementalGroups", 0.8, lambda: groups(dice, first)),
        **some(dice, "volumes", 0.8, lambda: dice.choice((None, [], ["*"], ["none"], ["secret", "nfs"], ["hostPath"],
                                                         ["flexVolume", "emptyDir"], ["configMap", "projected"]))),
        **some(dice, "allowedFlexVolumes", 0.2, lambda: [{"driver": dice.choice(("d/e", "f/g"))}]),
        **flag("allowHostDirVolumePlugin"),
        **flag("allowHostNetwork"),
        **flag("allowHostPorts"),
        **flag("allowHostPID"),
        **flag("allowHostIPC"),
        **flag("allowPrivilegedContainer"),
        **flag("readOnlyRootFilesystem", 0.2),
        **flag("allowPrivilegeEscalation", 0.5),
        **flag("defaultAllowPrivilegeEscalation", 0.3),
        **some(dice, "allowedCapabilities", 0.5, lambda: dice.choice((["*"], ["ALL"], names(dice), None))),
        **some(dice, "requiredDropCapabilities", 0.5, lambda: dice.choice((["ALL"], names(dice), None))),
        **some(dice, "defaultAddCapabilities", 0.2, lambda: names(dice)),
        **some(dice, "seccompProfiles", 0.5, lambda: dice.choice(PROFILES)),
        **some(dice, "allowedUnsafeSysctls", 0.3, lambda: dice.choice((["*"], ["kernel.*"], ["net.core.somaxconn"]))),
        **some(dice, "forbiddenSysctls", 0.3, lambda: dice.choice((["*"], ["net.*"], ["kernel.shm_rmid_forced"]))),
        **some(dice, "userNamespaceLevel", 0.2, lambda: dice.choice(("RequirePodLevel", "AllowHostLevel"))),
    }  # fmt: skip


def groups(dice: random.Random, first: int) -> Object:
    """Return a strategy for fsGroup or supplemental groups."""
    ranges = [{"min": 1, "max": 1000}, {"min": first + 1, "max": first + 5}]
    return dice.choice(
        (
            {"type": "RunAsAny"},
            {"type": "MustRunAs"},
            {"type": "MustRunAs", "ranges": ranges},
            {"type": "MustRunAs", "ranges": []},
        )
    )


def names(dice: random.Random) -> list[str]:
    return [dice.choice(CAPABILITIES) for _ in range(dice.randrange(4))]


def namespace(dice: random.Random) -> Object:
    """Return a Namespace with ranges in either notation."""
    first = 1_000_000_000 + 10_000 * dice.randrange(90_000)
    block = dice.choice((f"{first}/10000", f"{first}-{first + 9999}"))
    more = f"{block},{first + 20_000}/10000"
    low, high = sorted(dice.sample(range(1024), 2))
    annotations = {
        "openshift.io/sa.scc.uid-range": block,
        "openshift.io/sa.scc.mcs": f"s0:c{high},c{low}",
        **some(dice, "openshift.io/sa.scc.supplemental-groups", 0.8, lambda: dice.choice((block, more))),
    }
    return {"name": "demo", "annotations": annotations}
