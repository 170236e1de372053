"""Sort SCCs as OpenShift does: by priority, then most restrictive first, then by name."""

from collections.abc import Iterable
from typing import Final

from webhook.scc.defaults import Scc

TRIVIAL_VOLUMES: Final = {"secret", "configMap", "emptyDir", "downwardAPI", "projected", "none"}
STRATEGIES: Final = {"RunAsAny": 40_000, "MustRunAsNonRoot": 30_000, "MustRunAsRange": 20_000, "MustRunAs": 10_000}


def ordered(sccs: Iterable[Scc]) -> list[Scc]:
    """Return SCCs in the order in which OpenShift tries them."""
    return sorted(sccs, key=lambda scc: (-(scc.get("priority") or 0), laxity(scc), scc["metadata"]["name"]))


def laxity(scc: Scc) -> int:
    """Return OpenShift's score of how much an SCC allows. The weights keep fields from overlapping."""
    points = 1_600_000 * bool(scc.get("allowPrivilegedContainer")) + 800_000 * bool(scc.get("allowHostPorts"))
    points += 400_000 * bool(scc.get("allowHostNetwork"))
    volumes = set(scc["volumes"])
    points += 200_000 if volumes & {"hostPath", "*"} else 100_000 * bool(volumes - TRIVIAL_VOLUMES)
    points += sum(
        STRATEGIES.get((scc.get(field) or {}).get("type", ""), 0) for field in ("runAsUser", "seLinuxContext")
    )
    return points + _capabilities(scc)


def _capabilities(scc: Scc) -> int:
    allowed = [name.upper() for name in scc.get("allowedCapabilities") or ()]
    dropped = [name.upper() for name in scc.get("requiredDropCapabilities") or ()]
    points = 5000 + 300 * len(scc.get("defaultAddCapabilities") or ())
    points += 4000 if {"*", "ALL"} & set(allowed) else 10 * len(allowed)
    points -= 3000 if "ALL" in dropped else 50 * len(dropped)
    return min(9999, max(0, points))
