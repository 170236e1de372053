"""`explain` understands what OpenShift itself says."""

from pathlib import Path

import pytest

from tests.rig.cluster import Cluster
from tests.support.installed import with_accounts
from tests.support.refused import REFUSED, pod
from webhook.cli import main as cli


@pytest.fixture(scope="module")
def where(cluster: Cluster) -> str:
    return with_accounts(cluster, "explained")


@pytest.mark.parametrize("name", REFUSED)
def test_an_error_pasted_from_openshift_is_explained(
    cluster: Cluster, where: str, name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec, expected = REFUSED[name]
    user = f"system:serviceaccount:{where}:default"
    refused = cluster.request("POST", f"/api/v1/namespaces/{where}/pods", pod(spec), user=user)
    assert refused.status == 403, refused.body
    (tmp_path / "error").write_text(refused.body["message"])
    assert cli.main(["explain", str(tmp_path / "error")]) == 1
    out, err = capfd.readouterr()
    assert err == ""
    assert all(part in out for part in expected), out

    # As it says it after the webhooks.
    (tmp_path / "error").write_text(refused.body["message"].replace(", provider", " provider"))
    assert cli.main(["explain", str(tmp_path / "error")]) == 1
    assert capfd.readouterr().out == out
