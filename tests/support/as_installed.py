"""Install the webhook on a node as its users do: an overlay, with the image set in its one place."""

import shutil
from pathlib import Path
from typing import Any, Final

from tests.rig.cluster import Cluster, wait
from tests.support.overlays import DEPLOY
from tests.support.pods import SLEEP
from webhook.settings.scopes import NAMESPACE

IMAGE: Final = f"{{name: kubeflow-openshift, newName: localhost/{NAMESPACE}, newTag: rig}}"
COMPONENT: Final = f"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n- {IMAGE}\n"
SERVICES: Final = f"/api/v1/namespaces/{NAMESPACE}/services"
SETS: Final = "/apis/apps/v1/namespaces/kubeflow/statefulsets"
MERGE: Final = "application/merge-patch+json"


def copied(folder: Path) -> Path:
    """Copy deploy/ into a folder with the local image in it; return the folder of overlays."""
    shutil.copytree(DEPLOY, folder / "deploy")
    folder.joinpath("deploy/components/image/kustomization.yaml").write_text(COMPONENT)
    return folder / "deploy/overlays"


def install(cluster: Cluster, overlay: Path) -> None:
    """Apply an overlay, and wait until its pods are ready and the API server trusts the webhook."""
    cluster.kubectl("apply", "-k", str(overlay))
    cluster.kubectl("wait", "-n", NAMESPACE, "deployment", "--all", "--for=condition=Available", "--timeout=100s")
    wait(lambda: fs_group_of_a_dry_run(cluster) is None, "review of a dry run")


def remove(cluster: Cluster, overlay: Path) -> None:
    """Delete an overlay, and wait until its namespace is gone."""
    cluster.kubectl("delete", "-k", str(overlay), "--ignore-not-found", "--timeout=100s")


def fs_group_of_a_dry_run(cluster: Cluster) -> int | str | None:
    """Return the fsGroup that a StatefulSet with fsGroup 100 would be stored with, or why it would not be stored."""
    answer = cluster.request("POST", f"{SETS}?dryRun=All", stateful_set("probe"))
    if answer.status != 201:
        return str(answer.body["message"])
    group: int | None = answer.body["spec"]["template"]["spec"]["securityContext"].get("fsGroup")
    return group


def stateful_set(name: str, **container: Any) -> dict[str, Any]:
    """Return a StatefulSet as the notebook controller makes it."""
    labels = {"app": name}
    spec = {"securityContext": {"fsGroup": 100}, "containers": [{**SLEEP, **container}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "serviceName": name,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
