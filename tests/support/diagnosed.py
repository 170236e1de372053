"""The objects of a cluster with a healthy installation, for `doctor`, and what it finds wrong in them."""

import base64
import copy
from typing import Any

from certs import authority
from tests.support.overlays import DEPLOY
from webhook.doctor import report
from webhook.doctor.installation import Diagnosis
from webhook.doctor.state import READS, State
from webhook.doctor.workloads import cluster_of
from webhook.manifests import reader
from webhook.registration.configuration import configuration
from webhook.rules import RULES
from webhook.settings.model import Settings

HOSTNAME = "kubeflow-openshift.kubeflow-openshift.svc"
CA = authority.authority("test", [HOSTNAME], 30)
SERVING = authority.serving(CA, [HOSTNAME], 3)
RANGES = {"openshift.io/sa.scc.uid-range": "1000650000/10000", "openshift.io/sa.scc.mcs": "s0:c26,c5"}

Object = dict[str, Any]


def encoded(*certificates: authority.Certificate) -> str:
    return base64.b64encode(authority.pem(certificates)).decode()


def namespace(name: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels, "annotations": RANGES}}


def state(**changed: list[Object]) -> State:
    """Return an installation with nothing wrong, but for the objects that are given."""
    found: dict[str, list[Object]] = {key: [] for key in READS}
    entries = copy.deepcopy(configuration(RULES.values()))
    for entry in entries["webhooks"]:
        entry["clientConfig"]["caBundle"] = encoded(CA.certificate)
        entry.setdefault("namespaceSelector", {})  # as the API server does
        entry.setdefault("objectSelector", {})
    [server] = [each.value for each in reader.read([str(DEPLOY / "base/deployment.yaml")])]
    [policy] = [each.value for each in reader.read([str(DEPLOY / "base/network-policies.yaml")])]
    everyone = {"kind": "Group", "name": "system:authenticated"}
    role = {"kind": "ClusterRole", "name": "system:openshift:scc:restricted-v2"}
    found |= {
        "configurations": [entries],
        "secrets": [{"data": {"tls.crt": encoded(SERVING.certificate)}}],
        "services": [{"metadata": {"name": "kubeflow-openshift"}}],
        "servers": [{**server, "spec": {**server["spec"], "replicas": 2}, "status": {"availableReplicas": 2}}],
        "endpointslices": [{"endpoints": [{"conditions": {"ready": True}}, {"conditions": {"ready": False}}]}],
        "networkpolicies": [policy],
        "namespaces": [namespace("kubeflow"), namespace("other")],
        "SecurityContextConstraints": [{"kind": "SecurityContextConstraints", "metadata": {"name": "custom"}}],
        "ClusterRoleBinding": [{"kind": "ClusterRoleBinding", "roleRef": role, "subjects": [everyone]}],
    }
    return State(found | changed)


def diagnose(seen: State, settings: Settings = Settings()) -> list[Diagnosis]:  # noqa: B008 - frozen
    return list(report.diagnose(seen, settings, cluster_of(seen, settings)))


def problem(seen: State, settings: Settings = Settings()) -> tuple[str, str, str | None]:  # noqa: B008 - frozen
    """Return the only thing that is wrong."""
    [found] = problems(seen, settings)
    return found.check, found.says, found.command


def problems(seen: State, settings: Settings = Settings()) -> list[Diagnosis]:  # noqa: B008 - frozen
    """Return what is wrong."""
    return [each for each in diagnose(seen, settings) if each.command is not None]
