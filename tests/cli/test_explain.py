"""`explain`: OpenShift's refusals, as the rig says them, answered with the field, the reason, and the rule or grant."""

import json
from pathlib import Path

import pytest

from tests.support.refused import REFUSED, pod
from webhook.cli import main as cli


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
    assert "Rule sidecar-security-context fixes this" in out
    assert "nonroot: Forbidden: not usable" in out


def test_an_object_is_explained_with_the_smallest_grant(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pod.json"
    path.write_text(json.dumps(pod(REFUSED["host-path"][0])))
    assert cli.main(["explain", str(path)]) == 1
    out = capfd.readouterr().out
    assert "hostPath volumes are not allowed" in out
    assert "smallest sufficient grant: hostmount-anyuid" in out
    assert "system:openshift:scc:hostmount-anyuid" in out


def test_what_the_rules_save_is_explained_and_fine(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deployment.json"
    template = pod(REFUSED["fs-group"][0])
    path.write_text(json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": template}}))
    assert cli.main(["explain", str(path)]) == 0
    assert "before rejected, after restricted-v2" in capfd.readouterr().out


def test_a_bare_pod_is_not_promised_what_its_owner_would_get(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pod.json"
    path.write_text(json.dumps(pod(REFUSED["fs-group"][0])))
    assert cli.main(["explain", str(path)]) == 1
    assert "SCC rejects a bare Pod before the webhook sees it" in capfd.readouterr().out


def test_another_text_is_bad_input_or_no_refusal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("a: [\n")
    assert cli.main(["explain", str(tmp_path / "text")]) == 2
    assert capfd.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("text", ["hello", "", "key: value"])
def test_a_text_that_is_neither_a_manifest_nor_an_error_is_bad_input(
    text: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text(text)
    assert cli.main(["explain", str(tmp_path / "text")]) == 2
    assert "expected a manifest or an error message" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'pods "a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
            "pod-security labels",
        ),
        ('Warning: would violate PodSecurity "restricted:latest"', "pod-security labels"),
        (
            "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on",
            "Rule final",
        ),
        ('Internal error occurred: failed calling webhook "x": no endpoints available', "get pods"),
    ],
)
def test_other_errors_of_the_api_server_are_explained(
    text: str, expected: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text(text)
    assert cli.main(["explain", str(tmp_path / "text")]) == 1
    assert expected in capfd.readouterr().out


def refusal(*reasons: str) -> str:
    inside = ", ".join(f"provider restricted-v2: {reason}" for reason in reasons)
    return f'pods "a" is forbidden: unable to validate against any security context constraint: [{inside}]'


@pytest.mark.parametrize(
    ("reasons", "grant"),
    [
        (("spec.containers[0].securityContext.runAsUser: Invalid value: 0: must be in the ranges: [1, 2]",), "anyuid"),
        (
            ("spec.containers[0].securityContext.runAsUser: Invalid value: 7: must be in the ranges: [1, 2]",),
            "nonroot-v2",
        ),
        (
            (
                "spec.containers[0].securityContext.runAsUser: Invalid value: 0: must be in the ranges: [1, 2]",
                'spec.volumes[0]: Invalid value: "hostPath": hostPath volumes are not allowed to be used',
            ),
            "hostmount-anyuid",
        ),
        (
            (
                "spec.securityContext.hostNetwork: Invalid value: true: Host network is not allowed to be used",
                'spec.volumes[0]: Invalid value: "hostPath": hostPath volumes are not allowed to be used',
            ),
            "privileged",
        ),
    ],
)
def test_one_grant_covers_all_reasons(
    reasons: tuple[str, ...], grant: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text(refusal(*reasons))
    assert cli.main(["explain", str(tmp_path / "text")]) == 1
    assert capfd.readouterr().out.endswith(f"one grant covers all of it: SCC {grant}.\n")


def test_no_rule_is_promised_for_privilege(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    reason = "spec.containers[0].securityContext.privileged: Invalid value: true: Privileged containers are not allowed"
    (tmp_path / "text").write_text(refusal(reason))
    assert cli.main(["explain", str(tmp_path / "text")]) == 1
    assert "no rule fixes it" in capfd.readouterr().out
