"""`explain`: OpenShift's refusals, as the rig says them, answered with the field, the reason, and the rule or grant."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.rig.cluster import Cluster
from tests.test_rig_sidecar import with_accounts
from webhook import cli

REFUSED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "fs-group": (
        {"securityContext": {"fsGroup": 100}},
        ("fsGroup", "group that the namespace was not given", "rule fs-group"),
    ),
    "user": (
        {"securityContext": {"runAsUser": 1000}},
        ("runAsUser", "outside the namespace's range", "rule run-as-user"),
    ),
    "host-path": (
        {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
        ("volumes[0]", "node", "SCC hostmount-anyuid"),
    ),
    "host-network": ({"hostNetwork": True}, ("hostNetwork", "node's network", "SCC hostnetwork-v2")),
    "host-pid": ({"hostPID": True}, ("hostPID", "node's processes", "SCC hostaccess")),
    "host-port": (
        {"ports": [{"containerPort": 80, "hostPort": 80}]},
        ("hostPort", "port of the node", "SCC hostnetwork-v2"),
    ),
    "privileged": ({"context": {"privileged": True}}, ("privileged", "a privileged container", "SCC privileged")),
    "capability": (
        {"context": {"capabilities": {"add": ["NET_ADMIN"]}}},
        ("NET_ADMIN", "a Linux capability", "SCC privileged"),
    ),
    "escalation": (
        {"context": {"allowPrivilegeEscalation": True}},
        ("allowPrivilegeEscalation", "gain privileges", "SCC nonroot"),
    ),
    "seccomp": (
        {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
        ("seccomp", "seccomp profile", "SCC privileged"),
    ),
    "sysctl": (
        {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
        ("kernel.msgmax", "not safe", "SCC privileged"),
    ),
    "se-linux": (
        {"securityContext": {"seLinuxOptions": {"level": "s0:c1,c2"}}},
        ("seLinuxOptions", "SELinux label", "SCC privileged"),
    ),
}


def pod(spec: dict[str, Any]) -> dict[str, Any]:
    spec = dict(spec)
    container = {
        "name": "main",
        "image": "example",
        "ports": spec.pop("ports", []),
        "securityContext": spec.pop("context", {}),
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "it"}, "spec": {**spec, "containers": [container]}}


@pytest.fixture(scope="module")
def where(cluster: Cluster) -> str:
    return with_accounts(cluster, "explained")


@pytest.mark.rig
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


def test_a_refusal_that_names_no_reason_is_a_pod_changed_after_scc(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = " ".join(
        f'provider "{scc}": Forbidden: not usable by user or serviceaccount' for scc in ("anyuid", "nonroot")
    )
    text = f'pods "it" is forbidden: unable to validate against any security context constraint: [{said}]'
    (tmp_path / "error").write_text(text)
    assert cli.main(["explain", str(tmp_path / "error")]) == 1
    out = capfd.readouterr().out
    assert "Rule sidecar-security-context mends it" in out
    assert "nonroot: Forbidden: not usable" in out


def test_an_object_is_explained_with_the_smallest_grant(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pod.json"
    path.write_text(json.dumps(pod(REFUSED["host-path"][0])))
    assert cli.main(["explain", str(path)]) == 1
    out = capfd.readouterr().out
    assert "hostPath volumes are not allowed" in out
    assert "smallest grant that would admit it: hostmount-anyuid" in out
    assert "system:openshift:scc:hostmount-anyuid" in out


def test_what_the_rules_save_is_explained_and_fine(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pod.json"
    path.write_text(json.dumps(pod(REFUSED["fs-group"][0])))
    assert cli.main(["explain", str(path)]) == 0
    assert "without us refused, with us restricted-v2" in capfd.readouterr().out


def test_another_text_is_bad_input_or_no_refusal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("a: [\n")
    assert cli.main(["explain", str(tmp_path / "text")]) == 2
    assert capfd.readouterr().err.count("\n") == 1
