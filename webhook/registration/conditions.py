"""Match conditions in CEL: which objects the API server sends. Written by hand, so that people can review them.

They send more than the rules change, and never less; docs/match-conditions.md lists the exceptions. Under `Fail` an
expression that fails to evaluate rejects the request, so none may fail:

- Built-in kinds have passed their schema: a field has the type that its kind says, or is absent.
- Custom resources may have any shape: only their metadata is read, and their spec as a whole.
- Evaluation has a budget: a list that is longer than anybody's is sent unseen.

Fields are read with `has()`: Kubernetes 1.28 refuses `.?`.
"""

from typing import Final

from webhook.objects.model import Object
from webhook.rules.object.finalizers import OWNERS


def _condition(name: str, expression: str) -> Object:
    return {"name": name, "expression": expression}


NOT_OF_THE_PLATFORM: Final = _condition(
    "not-of-the-platform",
    "!request.namespace.startsWith('openshift-') && !request.namespace.startsWith('kube-')",
)
NO_NAMESPACE_OF_THE_PLATFORM: Final = _condition(
    "not-of-the-platform",
    """\
!has(object.metadata.name) ||
!object.metadata.name.startsWith('openshift-') && !object.metadata.name.startsWith('kube-')""",
)
NOT_DELETED: Final = _condition(
    "not-deleted",
    """\
// Nothing delays a deletion while the webhook is down.
!has(object.metadata.deletionTimestamp)""",
)
NOT_OPTED_OUT: Final = _condition(
    "not-opted-out",
    """\
!(has(object.metadata.annotations) && 'kubeflow-openshift/rules' in object.metadata.annotations &&
  object.metadata.annotations['kubeflow-openshift/rules'] == 'none')""",
)
NOT_OWNED: Final = _condition(
    "not-owned",
    """\
// A controller finds its ReplicaSet again by a hash of the template: it would replace one that was changed. One that
// loses its owner stays as it is, too: its owner is deleted, and waits for that.
!(request.kind.kind in ['ReplicaSet', 'ReplicationController'] && [object, oldObject].exists(each,
  each != null && has(each.metadata.ownerReferences) &&
  each.metadata.ownerReferences.exists(o, has(o.controller) && o.controller)))""",
)
BUILT_IN: Final = _condition(
    "built-in",
    """\
// Most workloads need nothing. Rules come for an ID, a port below 1024 or an image that they know; those of
// Kubeflow 0.7 also for the service account of two Deployments. A user namespace may deserve a warning.
!(request.kind.group in ['', 'apps', 'batch']) ||
has(object.metadata.name) && object.metadata.name in ['metadata-db', 'minio'] ||
(request.kind.kind == 'CronJob' ? [object.spec.jobTemplate.spec.template.spec] :
 request.kind.kind == 'PodTemplate' ? [object.template.spec] :
 has(object.spec.template) ? [object.spec.template.spec] : []).exists(pod,
  has(pod.hostUsers) && !pod.hostUsers || has(pod.securityContext) && (has(pod.securityContext.fsGroup) ||
    has(pod.securityContext.runAsUser) || has(pod.securityContext.runAsGroup)) ||
  [pod.containers, has(pod.initContainers) ? pod.initContainers : []].exists(containers, containers != null && (
    size(containers) > 100 || containers.exists(c,
      has(c.securityContext) && (has(c.securityContext.runAsUser) || has(c.securityContext.runAsGroup)) ||
      has(c.ports) && (size(c.ports) > 100 || c.ports.exists(p, p.containerPort < 1024)) ||
      has(c.image) && (size(c.image) > 500 || c.image.contains('metacontroller') || c.image.contains('mnist') ||
        c.image.contains('notebook') || c.image.contains('pytorch/pytorch') ||
        c.image.contains('seldon-core-operator'))))))""",
)
SPEC_CHANGED: Final = _condition(
    "spec-changed",
    """\
// An update that leaves a custom resource's spec as it is changes nothing, nor one that leaves the template of a Job
// or CronJob. Controllers that store a status, as Argo's, or suspend a Job work on while the webhook is down.
request.kind.group == 'batch' ? request.operation == 'CREATE' || (request.kind.kind == 'Job' ?
  object.spec.template != oldObject.spec.template : object.spec.jobTemplate != oldObject.spec.jobTemplate) :
request.kind.group in ['', 'apps', 'apps.openshift.io'] || has(object.spec) &&
  (request.operation == 'CREATE' || !has(oldObject.spec) || object.spec != oldObject.spec)""",
)
CHANGED_SINCE_SCC: Final = _condition(
    "changed-since-scc",
    """\
// A restricted SCC leaves every container alike. Another webhook injected or changed the one that differs.
// Istio's containers need a UID of their own.
has(object.metadata.annotations) && 'openshift.io/scc' in object.metadata.annotations &&
[object.metadata.annotations['openshift.io/scc']].exists(scc, scc.startsWith('restricted') && (
  !has(object.spec.securityContext) ||
  has(object.spec.securityContext.runAsUser) || has(object.spec.securityContext.runAsGroup) ||
  has(object.spec.securityContext.fsGroup) &&
    (object.spec.securityContext.fsGroup < 1000000000 || object.spec.securityContext.fsGroup > 1999999999) ||
  [object.spec.containers, has(object.spec.initContainers) ? object.spec.initContainers : []].exists(containers,
    containers != null && (size(containers) > 100 || containers.exists(c,
      c.name in ['istio-proxy', 'istio-validation'] || !has(c.securityContext) || !has(c.securityContext.runAsUser) ||
      c.securityContext.runAsUser < 1000000000 || c.securityContext.runAsUser > 1999999999 ||
      !has(c.securityContext.runAsNonRoot) && !has(object.spec.securityContext.runAsNonRoot) ||
      !has(c.securityContext.allowPrivilegeEscalation) && scc != 'restricted' ||
      !has(c.securityContext.capabilities) || !has(c.securityContext.capabilities.drop) ||
      c.securityContext.capabilities.drop !=
        (scc == 'restricted' ? ['KILL', 'MKNOD', 'SETGID', 'SETUID'] : ['ALL']))))))""",
)
ARGO_CONFIG_MAP: Final = _condition(
    "argo-config-map",
    """\
request.kind.kind != 'ConfigMap' ||
has(object.metadata.name) && object.metadata.name == 'workflow-controller-configmap'""",
)
SHARED_CLAIM: Final = _condition(
    "shared-claim",
    """\
request.kind.kind != 'PersistentVolumeClaim' ||
has(object.spec.accessModes) && 'ReadWriteMany' in object.spec.accessModes""",
)
LACKS_FINALIZERS: Final = _condition(
    "lacks-finalizers",
    f"""\
// It may create or update an owner, and not update its finalizers. A controller writes the rules of aggregated roles.
!has(object.aggregationRule) && object.rules != null &&
!(has(object.metadata.labels) && size(object.metadata.labels) < 50 &&
  object.metadata.labels.exists(label, label.contains('aggregate-to-'))) &&
(size(object.rules) > 50 ||
[object.rules.filter(r, has(r.apiGroups) && has(r.resources) && r.verbs != null)].exists(rules,
  rules.exists(r, size(r.apiGroups) + size(r.resources) + size(r.verbs) > 50) ||
  [{ {group: [*names] for group, names in OWNERS.items()} }].exists(owners,
    owners.exists(group, owners[group].exists(owner,
      rules.exists(r, owner in r.resources && (group in r.apiGroups || '*' in r.apiGroups) &&
        r.verbs.exists(v, v in ['create', 'update', '*'])) &&
      !rules.exists(r, owner + '/finalizers' in r.resources && (group in r.apiGroups || '*' in r.apiGroups) &&
        r.verbs.exists(v, v in ['update', '*']) && !has(r.resourceNames)))))))""",
)

CONDITIONS: Final = {
    "workloads": [NOT_OF_THE_PLATFORM, NOT_DELETED, NOT_OPTED_OUT, NOT_OWNED, BUILT_IN, SPEC_CHANGED],
    "pods": [NOT_OF_THE_PLATFORM, NOT_DELETED, NOT_OPTED_OUT, CHANGED_SINCE_SCC],
    "objects": [NOT_OF_THE_PLATFORM, NOT_DELETED, NOT_OPTED_OUT, ARGO_CONFIG_MAP, SHARED_CLAIM],
    "roles": [NOT_OF_THE_PLATFORM, NOT_DELETED, NOT_OPTED_OUT, LACKS_FINALIZERS],
    "cluster-workloads": [NOT_DELETED, NOT_OPTED_OUT, SPEC_CHANGED],
    "cluster-roles": [NOT_DELETED, NOT_OPTED_OUT, LACKS_FINALIZERS],
    "namespaces": [NO_NAMESPACE_OF_THE_PLATFORM, NOT_DELETED, NOT_OPTED_OUT],
}
"""The conditions of each entry of the webhook configuration. All conditions of an entry must hold."""
