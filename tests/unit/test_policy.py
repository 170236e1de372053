"""The policy for bare Pods follows the configuration, as the webhook does."""

import pytest

from webhook.registration.policy import policy
from webhook.settings.model import Settings


def expressions(settings: Settings) -> str:
    spec = policy(settings, "1.36")[0]["spec"]
    named = [each["expression"] for key in ("matchConditions", "variables") for each in spec[key]]
    return "\n".join([*named, spec["mutations"][0]["jsonPatch"]["expression"]])


@pytest.mark.parametrize(
    ("off", "gone", "stays"),
    [
        ("fs-group", "/spec/securityContext/fsGroup", "/spec/securityContext/runAsUser"),
        ("run-as-group", "/spec/securityContext/runAsGroup", "/spec/securityContext/runAsUser"),
        ("run-as-user", "/spec/securityContext/runAsUser", "/spec/securityContext/fsGroup"),
        ("run-as-user", "/spec/securityContext/runAsGroup", "/spec/securityContext/fsGroup"),
    ],
)
def test_a_rule_that_is_off_changes_no_pod(off: str, gone: str, stays: str) -> None:
    assert gone in expressions(Settings())
    written = expressions(Settings(rules={off: False}))
    assert gone not in written
    assert stays in written


def test_an_exempt_namespace_is_left_alone() -> None:
    assert "sandbox" in expressions(Settings(exempt_namespaces=("sandbox-*",)))
