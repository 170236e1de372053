"""`explain`: OpenShift's refusals, as the rig says them, answered with the field, the reason, and the rule or grant."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.refused import REFUSED, pod
from webhook.cli import main as cli
from webhook.offline import explain
from webhook.offline.errors import NOT_USABLE, REASONS, Error
from webhook.offline.other_errors import OTHERS
from webhook.scc.admission import against, smallest
from webhook.scc.ranges import EXAMPLE
from webhook.settings.model import Settings


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
    assert "Not usable by the service account: anyuid, nonroot." in out


def test_the_text_itself_may_be_given(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "spec.securityContext.fsGroup: Invalid value: [100]: 100 is not an allowed group"]) == 1
    assert "rule fs-group fixes this" in capfd.readouterr().out
    assert cli.main(["explain", "x " * 5000]) == 2  # longer than a path may be
    assert (
        capfd.readouterr().err == "MESSAGE: expected a manifest with a pod template, or an error message of OpenShift\n"
    )
    assert cli.main(["explain", "absent.yaml"]) == 2
    assert capfd.readouterr().err == "absent.yaml: No such file or directory\n"


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


def test_a_pod_that_is_admitted_and_never_starts_has_its_warning(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    template = {"spec": {"hostUsers": False, "containers": [{"name": "main", "image": "example"}]}}
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": template}}))
    assert cli.main(["explain", str(path)]) == 0
    assert "    warning: user-namespace: hostUsers: false without a user: " in capfd.readouterr().out


def test_a_reason_names_its_scc_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pod.json"
    path.write_text(json.dumps(pod(REFUSED["fs-group"][0])))
    assert cli.main(["explain", str(path)]) == 1
    assert "\n    provider restricted-v2: .spec.securityContext.fsGroup: " in capfd.readouterr().out


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
    assert "expected a manifest with a pod template, or an error message" in capfd.readouterr().err


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
            "Rule `final",
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
            "hostaccess",
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
    assert "No rule fixes this" in capfd.readouterr().out


def explained(text: str, settings: Settings | None = None) -> list[str]:
    return list(explain.error(text, settings or Settings()))


@pytest.mark.parametrize("known", [*REASONS, *OTHERS], ids=lambda known: known.seen[:50])
def test_every_row_of_the_table_is_found_by_its_own_words(known: Error) -> None:
    text = f"pods is forbidden: {explain.SCC_ERROR}spec.it: {known.seen}]" if known in REASONS else known.seen
    assert f"    {known.means}" in explained(text) or known.means in explained(text) or known.seen == NOT_USABLE


@pytest.mark.parametrize("name", REFUSED)
def test_the_grant_is_the_smallest_that_the_model_admits(name: str) -> None:
    for other in REFUSED:
        both = _merged(REFUSED[name][0], REFUSED[other][0])
        said = ", ".join(against(both, "restricted-v2", EXAMPLE))
        grant = smallest(both, EXAMPLE)
        assert explained(refusal(said))[-1].endswith(f"covers all of it: SCC {grant}."), said


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return a pod that OpenShift rejects for two reasons."""
    merged = {**other, **one}
    for key in ("securityContext", "context"):
        if key in merged:
            merged[key] = {**other.get(key, {}), **one.get(key, {})}
    return pod(merged)


def test_no_rule_is_promised_for_a_pod_that_is_beyond_help() -> None:
    user = "spec.containers[0].securityContext.runAsUser: Invalid value: 7: must be in the ranges: [1, 2]"
    network = "spec.securityContext.hostNetwork: Invalid value: true: Host network is not allowed to be used"
    assert "rule run-as-user fixes this" in explained(refusal(user))[-1]
    assert explained(refusal(user, network))[-1].startswith("No rule fixes this")


@pytest.mark.parametrize(
    ("settings", "user"),
    [(Settings(rules={"run-as-user": False}), 1000), (Settings(), 1_000_700_000)],
    ids=["rule-off", "of-another-namespace"],
)
def test_a_rule_that_would_not_act_is_not_named(settings: Settings, user: int) -> None:
    reason = f".containers[0].runAsUser: Invalid value: {user}: must be in the ranges: [1000650000, 1000659999]"
    assert explained(refusal(reason), settings)[-1] == (
        "No rule fixes this; one grant covers all of it: SCC nonroot-v2."
    )


def test_the_cause_comes_first_and_what_is_not_usable_is_one_line() -> None:
    said = 'provider "anyuid": Forbidden: not usable by user or serviceaccount'
    reason = "provider restricted-v2: .spec.securityContext.fsGroup: Invalid value: [100]: 100 is not an allowed group"
    more = said.replace("anyuid", "privileged")
    lines = explained(
        f'pods "a" is forbidden: unable to validate against any {explain.SCC_ERROR}{said}, {reason}, {more}]'
    )
    assert lines[0] == "restricted-v2: spec.securityContext.fsGroup: Invalid value: [100]: 100 is not an allowed group"
    assert lines[2] == "Not usable by the service account: anyuid, privileged."
    assert len(lines) == 4


def test_a_list_of_events_is_explained_message_by_message_each_once() -> None:
    reasons = [f".fsGroup: Invalid value: [{group}]: {group} is not an allowed group" for group in (100, 200, 100)]
    events = "".join(f"5m Warning FailedCreate rs/a Error creating: {refusal(reason)}\n" for reason in reasons)
    lines = explained(events)
    assert [line for line in lines if "an allowed group" in line] == [
        f"restricted-v2: fsGroup: Invalid value: [{group}]: {group} is not an allowed group" for group in (100, 200)
    ]


def test_a_message_that_names_no_scc_is_an_account_without_any() -> None:
    assert "may use no SCC" in explained(f'pods "a" is forbidden: {explain.SCC_ERROR}]')[-1]


def test_a_reason_that_is_not_in_the_table_is_shown() -> None:
    lines = explained(refusal(".spec.new: Forbidden: never heard of"))
    assert "spec.new: Forbidden: never heard of" in lines[0]
    assert "not known here" in lines[1]


def test_a_manifest_that_quotes_an_error_is_explained_as_a_manifest(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": pod({})}}
    (tmp_path / "it.json").write_text(json.dumps({**obj, "status": {"message": refusal(".fsGroup: 1 is not")}}))
    assert cli.main(["explain", str(tmp_path / "it.json")]) == 0
    assert "after restricted-v2" in capfd.readouterr().out


def test_an_event_as_yaml_is_explained_by_its_message(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "event.yaml").write_text(
        json.dumps({"kind": "Event", "message": refusal(".hostPID: Host PID is not allowed")})
    )
    assert cli.main(["explain", str(tmp_path / "event.yaml")]) == 1
    assert "the node's processes" in capfd.readouterr().out
