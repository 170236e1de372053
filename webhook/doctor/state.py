"""Read what the diagnoses need from a cluster. Reads only: every request is a GET."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from certs.api import Api, NotDone, Unreachable
from webhook.objects.model import Object, lookup
from webhook.registration.configuration import NAME
from webhook.settings.scopes import NAMESPACE
from webhook.workloads.kinds import KINDS, kind_of
from webhook.workloads.rejected import IN_WORDS_OF_SCC

OWN: Final = f"namespaces/{NAMESPACE}"
OF_SERVICE: Final = "kubernetes.io/service-name"
SECRET: Final = f"{NAMESPACE}-certificate"
RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
READS: Final = {
    "configurations": f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{NAME}",
    "secrets": f"/api/v1/{OWN}/secrets/{SECRET}",
    "services": f"/api/v1/{OWN}/services/{NAMESPACE}",
    "servers": f"/apis/apps/v1/{OWN}/deployments/{NAMESPACE}",
    "endpointslices": f"/apis/discovery.k8s.io/v1/{OWN}/endpointslices?labelSelector={OF_SERVICE}={NAMESPACE}",
    "networkpolicies": f"/apis/networking.k8s.io/v1/{OWN}/networkpolicies",
    "configmaps": f"/api/v1/{OWN}/configmaps/{NAMESPACE}",
    "namespaces": "/api/v1/namespaces",
    "nodes": "/api/v1/nodes",
    "events": "/api/v1/events?fieldSelector=type=Warning",
    "Deployment.apps": "/apis/apps/v1/deployments",
    "StatefulSet.apps": "/apis/apps/v1/statefulsets",
    "ReplicaSet.apps": "/apis/apps/v1/replicasets",
    "ReplicationController": "/api/v1/replicationcontrollers",
    "DeploymentConfig.apps.openshift.io": "/apis/apps.openshift.io/v1/deploymentconfigs",
    "cni": "/apis/apps/v1/daemonsets?fieldSelector=metadata.name=istio-cni-node",
    "SecurityContextConstraints": "/apis/security.openshift.io/v1/securitycontextconstraints",
    "ClusterRole": f"{RBAC}/clusterroles",
    "Role": f"{RBAC}/roles",
    "ClusterRoleBinding": f"{RBAC}/clusterrolebindings",
    "RoleBinding": f"{RBAC}/rolebindings",
}
"""The path of each list or object, by its key in the state. Workloads and what grants SCCs have their kind as key."""
PAGE: Final = 500
EventOf = tuple[str, str, str]
"""Kind, namespace and name of the object that an event is about."""


@dataclass(slots=True)
class State:
    """The objects of a cluster, and one line for each read that failed."""

    objects: dict[str, list[Object]] = field(default_factory=dict)
    not_read: list[str] = field(default_factory=list)

    def has(self, *keys: str) -> bool:
        """Check whether all of these were read."""
        return all(key in self.objects for key in keys)

    def one(self, key: str) -> Object:
        """Return the only object read under a key, or an empty one."""
        return next(iter(self.objects.get(key, ())), {})

    def rejections(self) -> dict[EventOf, Object]:
        """Return the latest event in the words of SCC about each object of a known kind."""
        events = [each for each in self.objects.get("events", ()) if IN_WORDS_OF_SCC in str(each.get("message"))]
        events.sort(key=lambda each: str(each.get("lastTimestamp") or each.get("eventTime") or ""))
        return {_about(event): event for event in events}


def read(kubeconfig: Path | None, context: str | None) -> State:
    """Return what the user may see of the cluster. Raises NotDone if that is nothing."""
    api, state = Api("kubeflow-openshift-doctor", kubeconfig, context), State()
    try:
        for key, path in READS.items():
            _read(api, state, key, path)
        for (kind, namespace, name), event in state.rejections().items():
            if kind in KINDS.keys() - READS.keys() - {"Pod"} and KINDS[kind].namespaced:
                version = str(lookup(event, ("involvedObject", "apiVersion")))
                root = f"/apis/{version}" if "/" in version else f"/api/{version}"
                _read(api, state, kind, f"{root}/namespaces/{namespace}/{KINDS[kind].resource}/{name}")
    except Unreachable as error:
        state.not_read.append(str(error))
    if not state.objects:
        raise NotDone(state.not_read[0])
    return state


def _read(api: Api, state: State, key: str, path: str) -> None:
    """Add an object, or all pages of a list. One that does not exist, or whose kind is not served, adds none."""
    try:
        state.objects[key] = [*state.objects.get(key, ()), *_pages(api, path)]
    except Unreachable:
        raise
    except NotDone as error:
        state.not_read.append(f"not looked at: {str(error).partition(': ')[2]}")


def _pages(api: Api, path: str) -> Iterator[Object]:
    more: str | None = ""
    while more is not None:
        page = urlencode({"limit": PAGE, **({"continue": more} if more else {})})
        status, answer, _ = api.ask("GET", f"{path}{'&' if '?' in path else '?'}{page}")
        if status == HTTPStatus.NOT_FOUND and "details" not in answer and "/v1/" in path:
            path = path.replace("/v1/", "/v1beta1/")  # the API version is missing, not the object
            continue
        if status == HTTPStatus.NOT_FOUND:
            return
        if status != HTTPStatus.OK:
            raise NotDone(f"{path}: {answer.get('message') or status}")
        kind, version = str(answer.get("kind")).removesuffix("List"), answer.get("apiVersion")
        yield from ({"apiVersion": version, "kind": kind, **each} for each in answer.get("items", [answer]))
        more = lookup(answer, ("metadata", "continue")) or None


def _about(event: Object) -> EventOf:
    about = event.get("involvedObject") or {}
    kind = kind_of(about.get("apiVersion"), about.get("kind"))
    return kind, str(about.get("namespace")), str(about.get("name"))
