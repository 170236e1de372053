"""What rules may do though the lattice has no room for it: one list, each with its reason, each as narrow as it can be.

An exception allows one difference, by its exact place and value, never a field. Shares no code with the webhook.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.properties.lattice_differences import ABSENT, Difference, equal
from tests.properties.lattice_places import CONTAINERS, Object, Pointer, found, places


@dataclass(frozen=True, slots=True)
class Declared:
    """One exception: the rule that needs it, the reason why it widens nothing that counts, and what it allows."""

    rule: str
    reason: str
    holds: Callable[[Difference], bool]

    def allows(self, one: Difference) -> bool:
        """Check whether it allows a difference; it allows none in an object of a wrong shape."""
        try:
            return self.holds(one)
        except (AttributeError, IndexError, KeyError, TypeError):
            return False


def istio_injection(one: Difference) -> bool:
    labels = found(one.old, ("metadata", "labels")) or {}
    enabled = one.at[2:] == ("istio-injection",) and one.before == "enabled"
    revision = one.at[2:] == ("istio.io/rev",) and labels.get("istio-injection") in ("enabled", None)
    at_label = one.kind == "Namespace" and one.at[:2] == ("metadata", "labels")
    return at_label and one.after is ABSENT and (enabled or revision)


SYSCTL: Final = {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}


def unprivileged_port(one: Difference) -> bool:
    if one.scope is None or one.at[:-1] != (*one.scope.context, "sysctls") or one.kind == "Pod":
        return False
    came = found(one.old, one.at[:-1]) or []
    set_already = any(found(sysctl, ("name",)) == SYSCTL["name"] for sysctl in came)
    return one.before is ABSENT and equal(one.after, SYSCTL) and not set_already and any(_low_ports(one))


def _low_ports(one: Difference) -> Iterator[bool]:
    for own, _ in one.scope.containers if one.scope else ():
        for port in places(one.old, own, "ports.*.containerPort"):
            number = found(one.old, port)
            yield type(number) is int and 0 < number < 1024


GROUPS: Final = re.compile(r"argoproj\.io|jobset\.x-k8s\.io|sparkoperator\.k8s\.io|machinelearning\.seldon\.io"
                           r"|serving\.(kserve\.io|kubeflow\.org)|((tensorboard|trainer)\.)?kubeflow\.org")  # fmt: skip


def finalizers(one: Difference) -> bool:
    role = one.kind in ("Role.rbac.authorization.k8s.io", "ClusterRole.rbac.authorization.k8s.io")
    labels = found(one.old, ("metadata", "labels")) or {}
    aggregated = one.old.get("aggregationRule") is not None or any("aggregate-to-" in label for label in labels)
    if not role or aggregated or len(one.at) != 2 or one.at[0] != "rules" or one.before is not ABSENT:
        return False
    shape = set(one.after) == {"apiGroups", "resources", "verbs"} and one.after["verbs"] == ["update"]
    groups, resources = one.after.get("apiGroups"), one.after.get("resources")
    if not shape or len(groups) != 1 or not GROUPS.fullmatch(groups[0]) or not resources:
        return False
    return all(_may_make(one.old, groups[0], resource) for resource in resources)


def _may_make(role: Object, group: str, resource: str) -> bool:
    name = re.fullmatch(r"([a-z]+)/finalizers", resource)
    return name is not None and any(
        not rule.get("resourceNames")
        and {group, "*"}.intersection(rule.get("apiGroups") or ())
        and {"create", "update", "*"}.intersection(rule.get("verbs") or ())
        and name[1] in (rule.get("resources") or ())
        for rule in found(role, ("rules",)) or ()
    )


def writable_directory(one: Difference) -> bool:
    if one.scope is None or one.kind == "Pod" or one.before is not ABSENT:
        return False
    spec, image = one.scope.spec, str(found(one.old, (*one.at[:-1], "image")))
    if one.at[-1] == "workingDir":
        own = any(one.at[:-1] == at for at, _ in one.scope.containers)
        script = "command" not in (found(one.old, one.at[:-1]) or {}) and "mnist" in image
        return own and script and one.after == "/data" and _mounts(one, (*one.at[:-1], "volumeMounts"), "/data")
    if one.at[:-1] == (*spec, "volumes"):
        return _empty_volume(one.after, "writable-")
    in_container = any(one.at[:-1] == (*at, "volumeMounts") for at, _ in one.scope.containers)
    return in_container and _mounts_empty(one, (*spec, "volumes"), one.at[:-1], "writable-")


def output_directory(one: Difference) -> bool:
    below = one.at[len(one.scope.spec) :] if one.scope and ".argoproj.io" in one.kind else ()
    start = one.at[: len(one.at) - len(below)]
    template = (*start, *below[:2]) if below[:1] == ("templates",) else start
    place = one.at[len(template) : -1]
    if not below or one.before is not ABSENT or not found(one.old, (*template, "outputs")):
        return False
    if place == ("volumes",):
        return _empty_volume(one.after, "output")
    mounted = place in (("container", "volumeMounts"), ("script", "volumeMounts"))
    return mounted and _mounts_empty(one, (*template, "volumes"), one.at[:-1], "output")


def _empty_volume(volume: Any, prefix: str) -> bool:
    named = isinstance(volume, dict) and str(volume.get("name")).startswith(prefix)
    return named and equal(volume, {"name": volume["name"], "emptyDir": {}})


def _mounts_empty(one: Difference, volumes: Pointer, mounts: Pointer, prefix: str) -> bool:
    """Check whether the appended mount is of a rule's empty volume, and nothing was mounted there or above."""
    mount = one.after
    if not isinstance(mount, dict) or mount.keys() != {"name", "mountPath"}:
        return False
    ours = [each for each in found(one.new, volumes) or () if found(each, ("name",)) == mount["name"]]
    above = [f"{found(each, ('mountPath',))}".rstrip("/") + "/" for each in found(one.old, mounts) or ()]
    free = not any(f"{mount['mountPath']}/".startswith(path) for path in above)
    return free and len(ours) == 1 and _empty_volume(ours[0], prefix)


def _mounts(one: Difference, mounts: Pointer, path: str) -> bool:
    return any(found(mount, ("mountPath",)) == path for mount in found(one.new, mounts) or ())


def dedicated_service_account(one: Difference) -> bool:
    namespace, name = (found(one.old, ("metadata", key)) for key in ("namespace", "name"))
    account = {"minio": "minio", "metadata-db": "metadatadb"}.get(str(name))
    ours = one.kind == "Deployment.apps" and namespace == "kubeflow" and account is not None
    at_spec = one.scope is not None and one.at == (*one.scope.spec, "serviceAccountName")
    return ours and at_spec and one.before in (ABSENT, None, "", "default") and one.after == account


OPERATOR: Final = re.compile(r"(.*/)?seldon-core-operator([:@].*)?")


def seldon_engine_user(one: Difference) -> bool:
    if one.scope is None or "env" not in one.at:
        return False
    at = one.at[: one.at.index("env", len(one.scope.spec))]
    own = any(at == container for container, _ in one.scope.containers)
    operator = isinstance(image := found(one.old, (*at, "image")), str) and OPERATOR.fullmatch(image)
    came = found(one.old, (*at, "env"))
    return bool(own and operator and equal(found(one.new, (*at, "env")), list(_without_8888(came))))


def _without_8888(env: Any) -> Iterator[Any]:
    for variable in env if isinstance(env, list) else ():
        name, says = found(variable, ("name",)), found(variable, ("value",)) == "8888"
        if says and name == "DEFAULT_USER_ID":
            yield {**variable, "value": ""}
        elif not (says and name in ("ENGINE_CONTAINER_USER", "EXECUTOR_CONTAINER_USER")):
            yield variable


def notebook_security_context(one: Difference) -> bool:
    at_context = one.kind == "Notebook.kubeflow.org" and one.at == ("spec", "template", "spec", "securityContext")
    return at_context and one.before in (ABSENT, None) and equal(one.after, {})


IDS_OF_POD: Final = tuple(("spec", "securityContext", field) for field in ("fsGroup", "runAsUser"))


def sidecar_security_context(one: Difference) -> bool:
    judged = found(one.old, ("metadata", "annotations", "openshift.io/scc")) in ("restricted", "restricted-v2")
    if one.kind != "Pod" or not judged or one.at[-1] not in ("runAsUser", "runAsGroup"):
        return False
    contexts = [(*at, "securityContext") for at in places(one.old, ("spec",), CONTAINERS.split()[0])]
    contexts += [(*at, "securityContext") for path in CONTAINERS.split()[1:] for at in places(one.old, ("spec",), path)]
    siblings = [found(one.old, (*context, "runAsUser")) for context in contexts if context != one.at[:-1]]
    known = {each for each in (*siblings, *(found(one.old, at) for at in IDS_OF_POD)) if type(each) is int}
    if one.at[:-1] not in contexts or type(one.after) is not int or one.after <= 0:
        return False
    of_istio = [at for at in contexts if found(one.old, (*at[:-1], "name")) in ("istio-proxy", "istio-validation")]
    users = [found(one.old, (*at, "runAsUser")) for at in of_istio]
    came = found(one.old, (*one.at[:-1], "runAsUser"))
    if one.at[:-1] in of_istio or (came is not None and came in users):
        user = found(one.new, (*one.at[:-1], "runAsUser"))
        return one.after == user and any(0 <= user - each <= len(contexts) for each in known)
    return one.at[-1] == "runAsUser" and one.after in known


def argo_executor(one: Difference) -> bool:
    named = one.kind == "ConfigMap" and found(one.old, ("metadata", "name")) == "workflow-controller-configmap"
    keys = (("data", "containerRuntimeExecutor"), ("data", "config", "containerRuntimeExecutor"))
    return named and one.at in keys and (one.before, one.after) == ("docker", "k8sapi")


def access_mode(one: Difference) -> bool:
    claim = one.kind == "PersistentVolumeClaim" and one.at == ("spec", "accessModes")
    template = one.kind == "StatefulSet.apps" and one.at[:2] == ("spec", "volumeClaimTemplates")
    once = {"ReadWriteMany": "ReadWriteOnce"}
    if not (claim or (template and one.at[3:] == ("spec", "accessModes"))) or not isinstance(one.before, list):
        return False
    texts = all(isinstance(mode, str) for mode in one.before)
    return texts and one.after == list(dict.fromkeys(once.get(mode, mode) for mode in one.before))


NOTEBOOKS: Final = re.compile(r"jupyter|notebook|codeserver|rstudio")


def user_namespace(one: Difference) -> bool:
    if one.scope is None or one.kind == "Pod" or one.at[-1] != "runAsUser":
        return False
    container = next((own for own, context in one.scope.containers if one.at[:-1] == context), None)
    of_image = container and NOTEBOOKS.search(str(found(one.old, (*container, "image"))))
    user = [found(one.old, at) for at in (one.at, (*one.scope.context, "runAsUser"))]
    came = user[0] if user[0] is not None else user[1]
    foreign = came is None or (type(came) is int and not 1000 <= came <= 65534)
    isolated = found(one.new, (*one.scope.spec, "hostUsers")) is False
    return bool(of_image) and foreign and isolated and equal(one.after, 1000)


DECLARED: Final = (
    Declared("istio-injection", "no SCC admits Istio's sidecars; the response always warns", istio_injection),
    Declared("unprivileged-port", "the pod's own network only; the restricted SCCs admit it", unprivileged_port),
    Declared("finalizers", "what a role may make it may own; RBAC checks who writes the role", finalizers),
    Declared("writable-directory", "an empty volume of the pod's own, where nothing is mounted", writable_directory),
    Declared("output-directory", "as writable-directory, for Argo's outputs", output_directory),
    Declared("dedicated-service-account", "off by default; an administrator granted it", dedicated_service_account),
    Declared("seldon-engine-user", "a variable that would pin UID 8888 on every engine goes", seldon_engine_user),
    Declared("notebook-security-context", "empty says what absent says", notebook_security_context),
    Declared("sidecar-security-context", "an ID of the Pod's own namespace, as SCC gives it", sidecar_security_context),
    Declared("user-namespace", "nobody on the node, and as restricted-v3 gives it", user_namespace),
    Declared("argo-executor", "k8sapi needs no socket of the node's", argo_executor),
    Declared("access-mode", "off by default; fewer nodes may write, and the response warns", access_mode),
)  # fmt: skip
