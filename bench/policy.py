"""The same rewrite as a MutatingAdmissionPolicy: CEL in the API server, no webhook at all."""

from typing import Final

from webhook.objects.model import Object

FOREIGN: Final = "({0} < 1000000000 || {0} > 1999999999)"
LISTS: Final = ("initContainers", "containers")


def policy(name: str, namespace: str, group: str, resource: str, spec: str) -> tuple[Object, Object]:
    """Return a policy, and its binding, for a kind's objects in a namespace; `spec` is the path of the pod spec."""
    kind = "MutatingAdmissionPolicy"
    version = {"apiVersion": "admissionregistration.k8s.io/v1beta1"}
    rules = {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource]}
    in_namespace = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return (
        {
            **version,
            "kind": kind,
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "reinvocationPolicy": "IfNeeded",
                "matchConstraints": {"resourceRules": [rules], "namespaceSelector": in_namespace},
                "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": _operations(spec)}}],
            },
        },
        {**version, "kind": f"{kind}Binding", "metadata": {"name": name}, "spec": {"policyName": name}},
    )


def _operations(spec: str) -> str:
    """Write the JSON Patch that drops foreign groups and users, and keeps from root what was not root."""
    value, path = f"object.{spec}", "/" + spec.replace(".", "/")
    group = f"{value}.securityContext.fsGroup"
    has = f"has({value}.securityContext) && has({group}) && {FOREIGN.format(group)}"
    parts = [f'({has} ? [JSONPatch{{op: "remove", path: "{path}/securityContext/fsGroup"}}] : [])']
    for containers in LISTS:
        for field, operation, target, more in (
            ("runAsGroup", "remove", "runAsGroup", ""),
            ("runAsUser", "add", "runAsNonRoot", ", value: true"),
            ("runAsUser", "remove", "runAsUser", ""),
        ):
            identity = f"c.securityContext.{field}"
            concerned = f"has(c.securityContext) && has({identity}) && {FOREIGN.format(identity)}"
            at = f'"{path}/{containers}/" + string(i) + "/securityContext/{target}"'
            step = f'JSONPatch{{op: "{operation}", path: {at}{more}}}'
            found = f"{value}.{containers}.transformList(i, c, {concerned}, {step})"
            parts.append(f"(has({value}.{containers}) ? {found} : [])")
    return " + ".join(parts)
