"""The strategies of an SCC: the defaults that they assign, and the values that they allow."""

from collections.abc import Iterator
from typing import Any, Final

from webhook.objects.model import Object
from webhook.scc.defaults import Scc
from webhook.scc.ranges import Block, Ranges
from webhook.scc.refusal import forbidden, invalid, required

SAFE_SYSCTLS: Final = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",  # this and the buffers: on recent kernels only
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
)
SECCOMP_POD: Final = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER: Final = "container.seccomp.security.alpha.kubernetes.io/"
RUNTIME_DEFAULT: Final = ("runtime/default", "docker/default")


def user_range(scc: Scc, ranges: Ranges) -> tuple[int | None, int | None]:
    """Return the UIDs that MustRunAsRange allows: the SCC's own range or the namespace's."""
    options = scc["runAsUser"]
    low, high = options.get("uidRangeMin"), options.get("uidRangeMax")
    return ranges.users if low is None and high is None else (low, high)


def assigned_user(scc: Scc, ranges: Ranges) -> int | None:
    """Return the UID for a container that sets none."""
    kind = scc["runAsUser"]["type"]
    if kind == "MustRunAs":
        uid: int | None = scc["runAsUser"]["uid"]
        return uid
    return user_range(scc, ranges)[0] if kind == "MustRunAsRange" else None


def user_refusals(scc: Scc, ranges: Ranges, path: str, *, user: int | None, non_root: bool | None) -> Iterator[str]:
    """Yield why an SCC rejects a container's effective user."""
    kind = scc["runAsUser"]["type"]
    if kind == "MustRunAsNonRoot":
        if non_root is None and user is None:
            yield required(f"{path}.runAsNonRoot", "must be true")
        elif non_root is False:
            yield invalid(f"{path}.runAsNonRoot", value=False, detail="must be true")
        elif user == 0:
            yield invalid(f"{path}.runAsUser", user, "running with the root UID is forbidden")
    elif kind != "RunAsAny" and user is None:
        yield required(f"{path}.runAsUser")
    elif kind == "MustRunAs" and user != scc["runAsUser"]["uid"]:
        yield invalid(f"{path}.runAsUser", user, f"must be: {scc['runAsUser']['uid']}")
    elif kind == "MustRunAsRange" and user is not None:
        low, high = user_range(scc, ranges)
        if not (low or 0) <= user <= (high or 0):
            yield invalid(f"{path}.runAsUser", user, f"must be in the ranges: [{low}, {high}]")


def group_ranges(scc: Scc, field: str, ranges: Ranges) -> tuple[Block, ...]:
    """Return the groups that MustRunAs allows: the SCC's own or the namespace's, for fsGroup only its first."""
    own = scc[field].get("ranges")
    if own:
        return tuple((each.get("min", 0), each.get("max", 0)) for each in own)
    return ((ranges.groups[0][0], ranges.groups[0][0]),) if field == "fsGroup" else ranges.groups


def assigned_group(scc: Scc, field: str, ranges: Ranges) -> int | None:
    """Return the fsGroup or supplemental group for a pod that sets none."""
    return group_ranges(scc, field, ranges)[0][0] if scc[field]["type"] == "MustRunAs" else None


def group_refusals(scc: Scc, field: str, ranges: Ranges, path: str, groups: list[int] | None) -> Iterator[str]:
    """Yield why an SCC rejects a pod's fsGroup or supplemental groups."""
    if scc[field]["type"] != "MustRunAs":
        return
    if not groups:
        yield invalid(f"{path}.{field}", groups, "unable to validate empty groups against required ranges")
    for group in groups or ():
        if not any(low <= group <= high for low, high in group_ranges(scc, field, ranges)):
            yield invalid(f"{path}.{field}", groups, f"{group} is not an allowed group")


def assigned_se_linux(scc: Scc, ranges: Ranges) -> Object | None:
    """Return the SELinux options for a pod that sets none."""
    if scc["seLinuxContext"]["type"] != "MustRunAs":
        return None
    options = {key: value for key, value in (scc["seLinuxContext"].get("seLinuxOptions") or {}).items() if value}
    return {**options, "level": options.get("level") or ranges.level}


def se_linux_refusals(scc: Scc, ranges: Ranges, path: str, options: Object | None) -> Iterator[str]:
    """Yield why an SCC rejects SELinux options."""
    required_options = assigned_se_linux(scc, ranges)
    if required_options is None or options == required_options:
        return
    if options is None:
        yield required(path)
        return
    for field in ("level", "role", "type", "user"):
        is_, must = options.get(field) or "", required_options.get(field, "")
        if is_ != must and not (field == "level" and _same_level(is_, must)):
            yield invalid(f"{path}.{field}", is_, f"must be {must}")


def _same_level(left: str, right: str) -> bool:
    """Check whether two levels like `s0:c6,c0` are equal except for the order of categories."""
    (one, colon, categories), (other, also, others) = left.partition(":"), right.partition(":")
    return bool(colon and also) and one == other and sorted(categories.split(",")) == sorted(others.split(","))


def capabilities(scc: Scc, own: Object | None) -> Object | None:
    """Return a container's capabilities after the SCC's additions and drops."""
    add, drop = set((own or {}).get("add") or ()), set((own or {}).get("drop") or ())
    all_add = add | (set(scc.get("defaultAddCapabilities") or ()) - drop)
    all_drop = drop | set(scc.get("requiredDropCapabilities") or ())
    if (all_add, all_drop) == (add, drop):
        return own
    lists = {"add": sorted(all_add), "drop": sorted(all_drop)}
    return {key: names for key, names in lists.items() if names}


def capability_refusals(scc: Scc, path: str, own: Object | None) -> Iterator[str]:
    """Yield why an SCC rejects a container's capabilities."""
    added_by_default, must_drop = scc.get("defaultAddCapabilities") or [], scc.get("requiredDropCapabilities") or []
    if own is None:
        if added_by_default or must_drop:
            yield invalid(f"{path}.capabilities", None, "required capabilities are not set on the securityContext")
        return
    allowed = scc.get("allowedCapabilities") or []
    if "*" in allowed:
        return
    for name in own.get("add") or ():
        if name not in added_by_default and name not in allowed:
            yield invalid(f"{path}.capabilities.add", name, "capability may not be added")
    for name in must_drop:
        if name not in (own.get("drop") or ()):
            detail = f"{name} is required to be dropped but was not found"
            yield invalid(f"{path}.capabilities.drop", own.get("drop"), detail)


def seccomp_text(profile: Object | None) -> str:
    """Return a seccomp profile's name in annotations and SCCs."""
    kind = (profile or {}).get("type")
    if kind == "Localhost" and (profile or {}).get("localhostProfile") is not None:
        return f"localhost/{(profile or {})['localhostProfile']}"
    return {"Unconfined": "unconfined", "RuntimeDefault": "runtime/default"}.get(str(kind), "")


def seccomp_profile(text: str) -> Object | None:
    """Return the seccomp profile that annotations and SCCs call by this name."""
    if text == "unconfined":
        return {"type": "Unconfined"}
    if text in RUNTIME_DEFAULT:
        return {"type": "RuntimeDefault"}
    name = text.removeprefix("localhost/")
    return {"type": "Localhost", "localhostProfile": name} if name and name != text else None


def seccomp_refusals(scc: Scc, key: str, profile: str) -> Iterator[str]:
    """Yield why an SCC rejects a seccomp profile."""
    listed = scc.get("seccompProfiles") or []
    if "*" in listed or profile in listed or not (listed or profile):
        return
    allowed, path = [each for each in listed if each != "*"], f"pod.metadata.annotations[{key}]"
    if not allowed:
        yield forbidden(path, "seccomp may not be set")
    elif not (profile in RUNTIME_DEFAULT and set(RUNTIME_DEFAULT) & set(allowed)):
        yield forbidden(path, f"{profile} is not an allowed seccomp profile. Valid values are [{' '.join(allowed)}]")


def sysctl_refusals(scc: Scc, sysctls: list[Object]) -> Iterator[str]:
    """Yield why an SCC rejects a pod's sysctls."""
    for index, sysctl in enumerate(sysctls):
        name, path = str(sysctl.get("name", "")), f"pod.spec.securityContext.sysctls[{index}]"
        if _matches(name, scc.get("forbiddenSysctls")):
            yield forbidden(path, f'sysctl "{name}" is not allowed')
        elif name not in SAFE_SYSCTLS and not _matches(name, scc.get("allowedUnsafeSysctls")):
            yield forbidden(path, f'unsafe sysctl "{name}" is not allowed')


def _matches(name: str, patterns: Any) -> bool:
    return any(name.startswith(p[:-1]) if p.endswith("*") else name == p for p in patterns or ())
