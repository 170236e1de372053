"""Apply one SCC to a pod: the defaults that it assigns, and its reasons to reject the pod."""

from collections.abc import Iterator
from typing import Any, Final

from webhook.objects.model import Object
from webhook.scc import strategies
from webhook.scc.defaults import ALL_VOLUMES, Scc
from webhook.scc.ranges import Ranges
from webhook.scc.refusal import invalid

VOLUME_TYPES: Final = {**{name: name for name in ALL_VOLUMES}, "vsphereVolume": "vsphere", "cephfs": "cephFS"}
Asked = tuple[str, Any, str]
"""A field, its value, and why the SCC rejects it."""
CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")


def assign(scc: Scc, ranges: Ranges, pod: Object) -> tuple[Object, list[str]]:
    """Return a copy of the pod with the SCC's defaults, and why the SCC rejects it, in OpenShift's words.

    The pod must have the API server's defaults. An empty list means that the SCC admits it.
    """
    pod = assigned(scc, ranges, pod)
    return pod, list(refusals(scc, ranges, pod))


def assigned(scc: Scc, ranges: Ranges, pod: Object) -> Object:
    """Return a copy of the pod with the SCC's defaults, admitted or not."""
    pod = _copied_to_assign(pod)
    spec = pod["spec"]
    context = spec["securityContext"]
    annotations = pod["metadata"].get("annotations") or {}
    _assign_to_pod(scc, ranges, context, annotations)
    if annotations:
        pod["metadata"]["annotations"] = annotations
    for group in CONTAINERS:
        for container in spec.get(group) or ():
            _assign_to_container(scc, ranges, context, container, annotations)
    return pod


def refusals(scc: Scc, ranges: Ranges, pod: Object) -> Iterator[str]:
    """Yield why an SCC rejects a pod that has its defaults, in OpenShift's words and order."""
    spec, annotations = pod["spec"], pod["metadata"].get("annotations") or {}
    host = [*_host(scc, spec)]
    yield from _of_pod(scc, ranges, spec, annotations, host)
    for group in CONTAINERS:
        for index in range(len(spec.get(group) or ())):
            yield from _of_container(scc, ranges, pod, (group, index), host)


def _copied_to_assign(pod: Object) -> Object:
    """Copy the parts of a pod that an SCC changes: annotations, security context, containers."""
    spec, metadata = dict(pod["spec"]), dict(pod.get("metadata") or {})
    spec["securityContext"] = _without_null(spec.get("securityContext") or {})
    if metadata.get("annotations"):
        metadata["annotations"] = dict(metadata["annotations"])
    for group in CONTAINERS:
        if spec.get(group):
            spec[group] = [dict(container) for container in spec[group]]
    return {**pod, "metadata": metadata, "spec": spec}


def _assign_to_pod(scc: Scc, ranges: Ranges, context: Object, annotations: dict[str, str]) -> None:
    if "supplementalGroups" not in context:
        group = strategies.assigned_group(scc, "supplementalGroups", ranges)
        _set(context, "supplementalGroups", None if group is None else [group])
    if "fsGroup" not in context:
        _set(context, "fsGroup", strategies.assigned_group(scc, "fsGroup", ranges))
    if "seLinuxOptions" not in context:
        _set(context, "seLinuxOptions", strategies.assigned_se_linux(scc, ranges))
    allowed = [each for each in scc.get("seccompProfiles") or () if each != "*"]
    profile = annotations.get(strategies.SECCOMP_POD) or (
        strategies.seccomp_text(context["seccompProfile"]) if "seccompProfile" in context else next(iter(allowed), "")
    )
    if profile:
        annotations[strategies.SECCOMP_POD] = profile
        context.pop("seccompProfile", None)
        _set(context, "seccompProfile", strategies.seccomp_profile(profile))


def _assign_to_container(
    scc: Scc, ranges: Ranges, inherited: Object, container: Object, annotations: dict[str, str]
) -> None:
    context = _without_null(container.get("securityContext") or {})
    if _effective(context, inherited, "runAsUser") is None:
        _set(context, "runAsUser", strategies.assigned_user(scc, ranges))
    if _effective(context, inherited, "seLinuxOptions") is None:
        _set(context, "seLinuxOptions", strategies.assigned_se_linux(scc, ranges))
    if _effective(context, inherited, "runAsNonRoot") is None:
        user = _effective(context, inherited, "runAsUser")
        if (user or 0) > 0 or (user is None and scc["runAsUser"]["type"] == "MustRunAsNonRoot"):
            context["runAsNonRoot"] = True
    _set(context, "capabilities", strategies.capabilities(scc, context.get("capabilities")))
    if scc.get("readOnlyRootFilesystem") and "readOnlyRootFilesystem" not in context:
        context["readOnlyRootFilesystem"] = True
    key = strategies.SECCOMP_CONTAINER + str(container.get("name", ""))
    if key in annotations:
        context.pop("seccompProfile", None)
        _set(context, "seccompProfile", strategies.seccomp_profile(annotations[key]))
    if "allowPrivilegeEscalation" not in context:
        admin = "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ())
        default = None if context.get("privileged") or admin else scc.get("defaultAllowPrivilegeEscalation")
        if scc["allowPrivilegeEscalation"] is False and default is None:
            default = False
        _set(context, "allowPrivilegeEscalation", default)
    if context or container.get("securityContext") is not None:
        container["securityContext"] = context


def _of_pod(scc: Scc, ranges: Ranges, spec: Object, annotations: dict[str, str], host: list[Asked]) -> Iterator[str]:
    path, context = f"{_provider(scc)}.spec.securityContext", spec["securityContext"]
    fs_group = context.get("fsGroup")
    yield from strategies.group_refusals(scc, "fsGroup", ranges, path, [] if fs_group is None else [fs_group])
    yield from strategies.group_refusals(scc, "supplementalGroups", ranges, path, context.get("supplementalGroups"))
    profile = annotations.get(strategies.SECCOMP_POD) or strategies.seccomp_text(context.get("seccompProfile"))
    yield from strategies.seccomp_refusals(scc, strategies.SECCOMP_POD, profile)
    yield from strategies.se_linux_refusals(scc, ranges, f"{path}.seLinuxOptions", context.get("seLinuxOptions"))
    for field, value, detail in host:
        if field in HOST:
            yield invalid(f"{path}.{field}", value, detail)
    if scc.get("userNamespaceLevel") == "RequirePodLevel" and spec.get("hostUsers") is not False:
        yield invalid(f"{path}.hostUsers", spec.get("hostUsers"), "Host Users must be set to false")
    yield from strategies.sysctl_refusals(scc, context.get("sysctls") or [])
    yield from _volumes(scc, spec, path)


def _provider(scc: Scc) -> str:
    return f"provider {scc['metadata']['name']}: "


def _of_container(scc: Scc, ranges: Ranges, pod: Object, at: tuple[str, int], host: list[Asked]) -> Iterator[str]:
    path, container = f"{_provider(scc)}.{at[0]}[{at[1]}]", pod["spec"][at[0]][at[1]]
    annotations = pod["metadata"].get("annotations") or {}
    context, inherited = container.get("securityContext") or {}, pod["spec"]["securityContext"]
    user = _effective(context, inherited, "runAsUser")
    non_root = _effective(context, inherited, "runAsNonRoot")
    yield from strategies.user_refusals(scc, ranges, path, user=user, non_root=non_root)
    options = _effective(context, inherited, "seLinuxOptions")
    yield from strategies.se_linux_refusals(scc, ranges, f"{path}.seLinuxOptions", options)
    key = strategies.SECCOMP_CONTAINER + str(container.get("name", ""))
    if context.get("seccompProfile") is not None:
        profile = strategies.seccomp_text(context["seccompProfile"])
    elif key in annotations:
        profile = annotations[key]
    elif inherited.get("seccompProfile") is not None:
        profile = strategies.seccomp_text(inherited["seccompProfile"])
    else:
        profile = annotations.get(strategies.SECCOMP_POD, "")
    yield from strategies.seccomp_refusals(scc, key, profile)
    if context.get("privileged") and not scc.get("allowPrivilegedContainer"):
        yield invalid(f"{path}.privileged", value=True, detail="Privileged containers are not allowed")
    yield from strategies.capability_refusals(scc, path, context.get("capabilities"))
    for field, value, detail in host:
        yield invalid(f"{path}.{field}", value, detail)
    read_only = context.get("readOnlyRootFilesystem")
    if scc.get("readOnlyRootFilesystem") and read_only is not True:
        must = "may not be nil and must be set to true" if read_only is None else "must be set to true"
        yield invalid(f"{path}.readOnlyRootFilesystem", read_only, f"ReadOnlyRootFilesystem {must}")
    escalates = context.get("allowPrivilegeEscalation")
    if scc["allowPrivilegeEscalation"] is False and escalates is not False:
        detail = "Allowing privilege escalation for containers is not allowed"
        yield invalid(f"{path}.allowPrivilegeEscalation", escalates, detail)


HOST: Final = {
    "hostNetwork": ("allowHostNetwork", "Host network is not allowed to be used"),
    "hostPID": ("allowHostPID", "Host PID is not allowed to be used"),
    "hostIPC": ("allowHostIPC", "Host IPC is not allowed to be used"),
}


def _host(scc: Scc, spec: Object) -> Iterator[Asked]:
    """Yield host access that the SCC does not allow. OpenShift repeats all of it for every container."""
    for field, (allow, detail) in HOST.items():
        if spec.get(field) and not scc.get(allow):
            yield field, True, detail
        if field == "hostNetwork" and not scc.get("allowHostPorts"):
            yield from ((at, number, "Host ports are not allowed to be used") for at, number in _host_ports(spec))


def _host_ports(spec: Object) -> Iterator[tuple[str, int]]:
    for group in CONTAINERS:
        for index, container in enumerate(spec.get(group) or ()):
            for port in container.get("ports") or ():
                number = port.get("hostPort") or (port.get("containerPort", 0) if spec.get("hostNetwork") else 0)
                if number > 0:
                    yield f"{group}[{index}].hostPort", number


def _volumes(scc: Scc, spec: Object, path: str) -> Iterator[str]:
    allowed, volumes = set(scc["volumes"]), spec.get("volumes") or ()
    for index, volume in enumerate(volumes if "*" not in allowed else ()):
        kind = next((VOLUME_TYPES[key] for key in VOLUME_TYPES if volume.get(key) is not None), "emptyDir")
        token = kind == "projected" and "secret" in allowed and _only_tokens(volume["projected"])
        if kind not in allowed and not token:
            yield invalid(f"spec.volumes[{index}]", kind, f"{kind} volumes are not allowed to be used")
    drivers = [each.get("driver") for each in scc.get("allowedFlexVolumes") or ()]
    for index, volume in enumerate(volumes if drivers and {"flexVolume", "*"} & allowed else ()):
        driver = (volume.get("flexVolume") or {}).get("driver")
        if driver is not None and driver not in drivers:
            yield invalid(f"{path}.volumes[{index}].driver", driver, "Flexvolume driver is not allowed to be used")


ROOTS: Final = {"kube-root-ca.crt": "ca.crt", "openshift-service-ca.crt": "service-ca.crt"}


def _only_tokens(projected: Object) -> bool:
    """Check whether a projected volume is like the one that the API server adds for a service account."""
    for source in projected.get("sources") or ():
        token, config, downward = (source.get(key) for key in ("serviceAccountToken", "configMap", "downwardAPI"))
        if token is None and config is None and downward is None:
            return False
        if token is not None and (token.get("path") != "token" or token.get("audience")):
            return False
        if config is not None:
            file = ROOTS.get(config.get("name", ""))
            items = [(item.get("key"), item.get("path")) for item in config.get("items") or ()]
            if file is None or items != [(file, file)]:
                return False
        for item in (downward or {}).get("items") or ():
            reference = item.get("fieldRef") or {}
            if item.get("path") != "namespace" or reference.get("fieldPath") != "metadata.namespace":
                return False
            if reference.get("apiVersion", "v1") != "v1":
                return False
    return True


def _effective(context: Object, inherited: Object, field: str) -> Any:
    own = context.get(field)
    return inherited.get(field) if own is None else own


def _set(context: Object, field: str, value: Any) -> None:
    if value is not None:
        context[field] = value


def _without_null(context: Object) -> Object:
    return {key: value for key, value in context.items() if value is not None}
