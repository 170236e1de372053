"""A MutatingAdmissionPolicy: the identity rules for bare Pods, in CEL that the API server itself evaluates.

OpenShift judges a Pod before it calls webhooks, so only a policy, which comes first, can help a bare Pod. This is as
much of webhook/workloads/identity.py as CEL can say, with the namespace's own range.
"""

import json
from collections.abc import Iterable, Mapping
from fnmatch import translate
from typing import Final

from webhook.objects.model import Object
from webhook.registration.conditions import NOT_OF_THE_PLATFORM
from webhook.scc.admission import REQUIRED_SCC
from webhook.settings.model import Settings
from webhook.settings.scopes import SCOPES

NAME: Final = "kubeflow-openshift-bare-pods"
VERSIONS: Final = {"1.34": "v1beta1", "1.35": "v1beta1", "1.36": "v1"}
"""The version of the policy's API in each Kubernetes. Before 1.36 it is behind a feature gate."""

WIDER: Final = ("anyuid", "nonroot-v2", "nonroot", "hostmount-anyuid", "privileged")
"""OpenShift's SCCs that admit a foreign UID. A pod whose account or creator may use one keeps its IDs."""

ACCOUNT: Final = "(has(object.spec.serviceAccountName) ? object.spec.serviceAccountName : 'default')"
RANGE: Final = "namespaceObject.metadata.annotations['openshift.io/sa.scc.uid-range'].split('/')"
CONTEXTS: Final = """\
object.spec.?{0}.orValue([]).transformList(i, c, has(c.securityContext), {{
  'at': dyn('/spec/{0}/' + string(i) + '/securityContext/'), 'own': dyn(has(c.securityContext.runAsUser)),
  'user': dyn(c.securityContext.?runAsUser.orValue(variables.user)),
  'group': dyn(c.securityContext.?runAsGroup.orValue(-1)),
  'nonRoot': dyn(c.securityContext.?runAsNonRoot.orValue(variables.nonRoot || variables.losesUser))}})"""
SCCS: Final = "{}.group('security.openshift.io').resource('securitycontextconstraints')"
MAY_USE: Final = "variables.{}.name('{}').check('use').allowed()"

CONDITIONS: Final = {
    "not-of-the-platform": NOT_OF_THE_PLATFORM["expression"],
    "not-opted-out": "!(has(object.metadata.annotations) && 'kubeflow-openshift/rules' in object.metadata.annotations)",
    "of-a-range": """\
!(has(object.spec.hostUsers) && !object.spec.hostUsers) &&
!(has(object.spec.os) && object.spec.os.name == 'windows')""",
}
"""Match conditions. They do not see the namespace."""


def _allocated(value: str) -> str:
    return f"(variables.first <= {value} && {value} <= variables.last)"


def _remove(path: str) -> str:
    return f"JSONPatch{{op: 'remove', path: {path}}}"


def _non_root(path: str) -> str:
    return f"JSONPatch{{op: 'add', path: {path}, value: true}}"


POD: Final = "object.spec.?securityContext.?"
USER, GROUP, FS_GROUP = f"{POD}runAsUser.orValue(-1)", f"{POD}runAsGroup.orValue(-1)", f"{POD}fsGroup.orValue(-1)"
VARIABLES: Final = {
    "first": f"int({RANGE}[0])",
    "last": f"variables.first + int({RANGE}[1]) - 1",
    "user": USER,
    "losesUser": f"variables.user > 0 && !{_allocated('variables.user')}",
    "nonRoot": f"{POD}runAsNonRoot.orValue(false)",
    "contexts": " +\n".join(CONTEXTS.format(name) for name in ("initContainers", "containers")),
    "ofCreator": SCCS.format("authorizer"),
    "ofAccount": SCCS.format(f"authorizer.serviceAccount(request.namespace, {ACCOUNT})"),
    **{
        f"mayUse{number}": " || ".join(MAY_USE.format(who, scc) for who in ("ofCreator", "ofAccount"))
        for number, scc in enumerate(WIDER)  # two questions are as much as one expression may cost
    },
}
"""-1 is an ID that is not set. The user of a container is its own or the pod's."""

GRANTED: Final = " || ".join(f"variables.mayUse{number}" for number in range(len(WIDER)))
CONTEXT: Final = "/spec/securityContext"
PATCHES: Final = {
    "fs-group": f"""\
({FS_GROUP} >= 0 && !{_allocated(FS_GROUP)} ? [{_remove(f"'{CONTEXT}/fsGroup'")}] : [])""",
    "run-as-group": f"""\
// A user that stays keeps its group, its own or the pod's. Group 0 stays.
({GROUP} > 0 && !{_allocated(GROUP)} && !{_allocated("variables.user")} &&
  !variables.contexts.exists(c, c.group == -1 && {_allocated("c.user")}) ?
  [{_remove(f"'{CONTEXT}/runAsGroup'")}] : []) +
variables.contexts.filter(c, c.group > 0 && !{_allocated("c.group")} && !{_allocated("c.user")})
  .map(c, {_remove("c.at + 'runAsGroup'")})""",
    "run-as-user": f"""\
// A container that loses a UID must not become root.
(variables.losesUser && !variables.nonRoot ? [{_non_root(f"'{CONTEXT}/runAsNonRoot'")}] : []) +
variables.contexts.filter(c, c.user > 0 && !{_allocated("c.user")} && !c.nonRoot)
  .map(c, {_non_root("c.at + 'runAsNonRoot'")}) +
(variables.user >= 0 && !{_allocated("variables.user")} ? [{_remove(f"'{CONTEXT}/runAsUser'")}] : []) +
variables.contexts.filter(c, c.own && !{_allocated("c.user")}).map(c, {_remove("c.at + 'runAsUser'")})""",
}
"""The operations of each rule."""


def policy(settings: Settings, kubernetes: str) -> list[Object]:
    """Return the policy and its binding. `kubernetes` is a key of VERSIONS."""
    head = {"apiVersion": f"admissionregistration.k8s.io/{VERSIONS[kubernetes]}", "metadata": {"name": NAME}}
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    spec = {
        "failurePolicy": "Ignore",
        "reinvocationPolicy": "IfNeeded",
        "matchConstraints": {"resourceRules": [pods]},
        "matchConditions": _named(_conditions(settings)),
        "variables": _named({"kubeflow": _kubeflow(), **VARIABLES}),
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": _patch(settings)}}],
    }
    return [
        {**head, "kind": "MutatingAdmissionPolicy", "spec": spec},
        {**head, "kind": "MutatingAdmissionPolicyBinding", "spec": {"policyName": NAME}},
    ]


def _patch(settings: Settings) -> str:
    """Return the operations of the rules that are on. Where users stay, their groups stay."""
    on = [rule for rule in PATCHES if settings.enables(rule, default=True)]
    if "run-as-user" not in on:
        on = [rule for rule in on if rule != "run-as-group"]
    return f"!variables.kubeflow || {GRANTED} ? [] :\n" + (" +\n".join(PATCHES[rule] for rule in on) or "[]")


def _kubeflow() -> str:
    """Return the condition that the namespace is one of the scopes, and has a range."""
    labels = "namespaceObject.metadata.labels"
    scopes = [f"'{s.key}' in {labels} && {labels}['{s.key}'] in {_list(s.values)}" for s in SCOPES]
    annotations = "namespaceObject.metadata.annotations"
    known = f"has({annotations}) && 'openshift.io/sa.scc.uid-range' in {annotations}"
    return f"{known} && (\n" + " ||\n".join(scopes) + ")"


def _conditions(settings: Settings) -> dict[str, str]:
    namespaces = ["^" + translate(pattern).removesuffix(r"\Z") + "$" for pattern in settings.exempt_namespaces]
    exempt = [f"{_list(namespaces)}.exists(each, request.namespace.matches(each))"] if namespaces else []
    if accounts := settings.exempt_service_accounts:
        exempt.append(f"request.namespace + '/' + {ACCOUNT} in {_list(accounts)}")
    required = f"object.metadata.?annotations[?'{REQUIRED_SCC}'].orValue('') in {_list(('', *settings.everyone))}"
    return {**CONDITIONS, "no-other-scc-required": required, "not-exempt": f"!({' || '.join(exempt) or 'false'})"}


def _named(expressions: Mapping[str, str]) -> list[Object]:
    return [{"name": name, "expression": text} for name, text in expressions.items()]


def _list(values: Iterable[str]) -> str:
    return json.dumps(sorted(values))
