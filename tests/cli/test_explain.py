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
    path = tmp_path / "pod.json"
    path.write_text(json.dumps(pod(REFUSED["fs-group"][0])))
    assert cli.main(["explain", str(path)]) == 0
    assert "before rejected, after restricted-v2" in capfd.readouterr().out


def test_another_text_is_bad_input_or_no_refusal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("a: [\n")
    assert cli.main(["explain", str(tmp_path / "text")]) == 2
    assert capfd.readouterr().err.count("\n") == 1
