"""Run a workload that needs more than the others under a service account of its own.

OpenShift: MinIO's and MySQL's images of 2018 work as root only, so that `anyuid` must be granted to their service
account, and all of Kubeflow shares `default`. Admission can neither make an account nor grant it anything: the
overlay `kubeflow-0.7` does both and switches this rule on.

Fields:
    spec.serviceAccountName

Upstream:
    https://github.com/opendatahub-io/manifests/tree/v0.7-branch-openshift

Limits:
    Only Deployments `minio` and `metadata-db` of namespace kubeflow, where they name no account or `default`, and are
    not stored so already. Option `accounts` adds to the table: NAMESPACE/KIND/NAME, and the account, which must exist.
"""

from collections.abc import Iterator

from webhook.objects.model import Change, counterpart, lookup, mapping
from webhook.rules.registry import pod_rule
from webhook.workloads.pod import POD_SPEC, Pod

TABLE = {"kubeflow/Deployment/minio": "minio", "kubeflow/Deployment/metadata-db": "metadatadb"}


@pod_rule(default=False, options={"accounts": ()})
def dedicated_service_account(pod: Pod) -> Iterator[Change]:
    """Name the account of the table."""
    table = {**TABLE, **pod.settings.table("dedicated-service-account", "accounts")}
    metadata = mapping(pod.object, ("metadata",))
    account = table.get(f"{metadata.get('namespace')}/{pod.object.get('kind')}/{metadata.get('name')}")
    windows = lookup(pod.object, (*pod.at, "os", "name")) == "windows"
    if not account or not pod.template or pod.shape != POD_SPEC or windows:
        return
    stored = counterpart(pod.object, pod.working, pod.at)
    if _shares(lookup(pod.object, pod.at)) and not (stored and _shares(stored)):
        yield Change((*pod.at, "serviceAccountName"), account, "it is granted what the others of its namespace are not")


def _shares(spec: object) -> bool:
    return all(lookup(spec, (field,)) in (None, "", "default") for field in ("serviceAccountName", "serviceAccount"))
