"""Run a workload that needs a grant under a service account of its own.

OpenShift: The images of MinIO and MySQL from 2018 work as root only. Their service account needs `anyuid`, but all
workloads of Kubeflow share `default`. Admission cannot create or grant an account: the overlay `kubeflow-0.7`
does both and switches this rule on.

Fields:
    spec.serviceAccountName

Upstream:
    https://github.com/opendatahub-io/manifests/tree/v0.7-branch-openshift

Limits:
    Covers the Deployments `minio` and `metadata-db` of namespace kubeflow, if they name no account or `default`, and
    does not change a stored one. Option `accounts` extends the table: NAMESPACE/KIND/NAME to an account, which must
    exist.
"""

from collections.abc import Iterator

from webhook.objects.model import Change, lookup, mapping, same_field_in
from webhook.rules.registry import pod_rule
from webhook.workloads.pod import POD_SPEC, PodView

TABLE = {"kubeflow/Deployment/minio": "minio", "kubeflow/Deployment/metadata-db": "metadatadb"}


@pod_rule(default=False, options={"accounts": ()})
def dedicated_service_account(pod: PodView) -> Iterator[Change]:
    """Set the account of the table."""
    table = {**TABLE, **pod.settings.table("dedicated-service-account", "accounts")}
    metadata = mapping(pod.object, ("metadata",))
    account = table.get(f"{metadata.get('namespace')}/{pod.object.get('kind')}/{metadata.get('name')}")
    windows = lookup(pod.object, (*pod.at, "os", "name")) == "windows"
    if not account or not pod.template or pod.shape != POD_SPEC or windows:
        return
    stored = same_field_in(pod.object, pod.running, pod.at)
    if _shares(lookup(pod.object, pod.at)) and not (stored and _shares(stored)):
        yield Change(
            (*pod.at, "serviceAccountName"),
            account,
            "this account has a grant that other workloads of the namespace lack",
        )


def _shares(spec: object) -> bool:
    return all(lookup(spec, (field,)) in (None, "", "default") for field in ("serviceAccountName", "serviceAccount"))
