"""What `doctor` makes of an installation: each thing that can be wrong, and the command for it."""

import base64
import datetime as dt

import pytest

from certs import authority
from tests.support.diagnosed import CA, HOSTNAME, Object, diagnose, encoded, namespace, problem, problems, state
from tests.support.installed import DEPLOYED
from tests.support.overlays import AGENTS, HOST, HOST_NETWORK
from webhook.doctor.installation import registered, selects
from webhook.doctor.state import READS, State
from webhook.manifests import reader
from webhook.registration.configuration import configuration
from webhook.rules import RULES
from webhook.settings.scopes import SCOPES_0_7

SERVICE_CA = {"service.beta.openshift.io/inject-cabundle": "true"}
CERT_MANAGER = {"cert-manager.io/inject-ca-from": "kubeflow-openshift/kubeflow-openshift"}


def test_nothing_is_wrong() -> None:
    assert problems(state()) == []
    checks = ["registered", "trusted", "reachable", "network policy", "everyone", "rejected", "istio"]
    assert [each.check for each in diagnose(state())] == checks


@pytest.mark.parametrize("lost", sorted(READS))
def test_what_cannot_be_read_stops_nothing_else(lost: str) -> None:
    seen = state()
    del seen.objects[lost]
    assert problems(seen) == []


def entries(seen: State) -> list[Object]:
    found: list[Object] = seen.one("configurations")["webhooks"]
    return found


@pytest.mark.parametrize(
    ("annotations", "overlay"), [({}, "self-managed"), (SERVICE_CA, "openshift"), (CERT_MANAGER, "cert-manager")]
)
def test_an_edited_configuration_is_applied_again_by_the_overlay_of_its_issuer(
    annotations: dict[str, str], overlay: str
) -> None:
    seen = state()
    seen.one("configurations")["metadata"]["annotations"] = annotations
    entries(seen)[0]["failurePolicy"] = "Ignore"
    entries(seen)[1]["name"] = "pods.renamed.kubeflow-openshift.io"
    entries(seen)[2]["objectSelector"] = {"matchLabels": {"a": "b"}}
    check, says, command = problem(seen)
    assert (check, command) == ("registered", f"oc apply -k deploy/overlays/{overlay}")
    for part in ("workloads.components (failurePolicy)", "pods.components (missing)", "pods.renamed (unknown)"):
        assert part in says
    assert "objects.components (objectSelector)" in says


def test_it_may_be_registered_as_any_overlay_does() -> None:
    seen = state()
    for entry in entries(seen):
        del entry["matchConditions"]
    assert "overlay without-match-conditions" in next(registered(seen, RULES.values())).says
    for entry in entries(seen):
        entry["failurePolicy"] = "Ignore"
    assert "without-match-conditions and all-ignore" in next(registered(seen, RULES.values())).says
    for more in ({}, {"legacy": True}):
        scopes = SCOPES_0_7[1:] if more else SCOPES_0_7
        seen.objects["configurations"] = [configuration(RULES.values(), scopes, **more)]
        [found] = registered(seen, RULES.values())
        assert found.command is None
        assert f"overlay {'openshift-4.2' if more else 'kubeflow-0.7'}" in found.says


def test_the_deployed_configuration_is_current() -> None:
    seen = state(configurations=[reader.one_document(DEPLOYED).value])
    assert [each.command for each in registered(seen, RULES.values())] == [None]


@pytest.mark.parametrize(
    ("annotations", "command"),
    [
        ({}, "python -m certs ensure --once"),
        (SERVICE_CA, "oc -n openshift-service-ca rollout restart deployment/service-ca"),
        (CERT_MANAGER, "oc -n cert-manager rollout restart deployment/cert-manager-cainjector"),
    ],
)
def test_an_empty_ca_bundle_is_written_by_its_issuer(annotations: dict[str, str], command: str) -> None:
    seen = state()
    seen.one("configurations")["metadata"]["annotations"] = annotations
    del entries(seen)[3]["clientConfig"]["caBundle"]
    entries(seen)[4]["clientConfig"]["caBundle"] = "bm8gY2VydGlmaWNhdGU="
    check, says, found = problem(seen)
    assert (check, found) == ("trusted", command)
    assert says.startswith("2 of 14 entries have no caBundle")


def test_an_issuer_that_the_configuration_does_not_name_is_named_again() -> None:
    seen = state(services=[{"metadata": {"annotations": {"service.beta.openshift.io/serving-cert-secret-name": "it"}}}])
    del entries(seen)[0]["clientConfig"]["caBundle"]
    assert problem(seen)[2] == "oc apply -k deploy/overlays/openshift"


OTHER = authority.authority("other", [HOSTNAME], 30)
PAST = dt.datetime.now(dt.UTC) - dt.timedelta(days=9)


@pytest.mark.parametrize(
    ("leaf", "said"),
    [
        (authority.serving(OTHER, [HOSTNAME], 3), "the caBundle of 14 of 14 entries does not verify"),
        (authority.serving(CA, ["other.svc"], 3), f"is not for {HOSTNAME}"),
        (authority.serving(CA, [HOSTNAME], 3, PAST), "expired at"),
        (None, "has no serving certificate"),
    ],
)
def test_a_serving_certificate_that_is_not_trusted(leaf: authority.Identity | None, said: str) -> None:
    data = {"serving.pem": base64.b64encode(leaf.pem()).decode()} if leaf else {}
    check, says, command = problem(state(secrets=[{"data": data}]))
    assert (check, command) == ("trusted", "python -m certs ensure --once")
    assert said in says
    seen = state(secrets=[{"data": data}])
    seen.one("configurations")["metadata"]["annotations"] = SERVICE_CA
    secret = "oc -n kubeflow-openshift delete secret kubeflow-openshift-certificate"
    assert problem(seen)[2] == (secret if leaf else "oc apply -k deploy/overlays/openshift")


def test_a_bundle_of_two_cas_verifies_what_either_signed() -> None:
    seen = state()
    for entry in entries(seen):
        entry["clientConfig"]["caBundle"] = encoded(OTHER.certificate, CA.certificate)
    assert problems(seen) == []


def test_no_replica_is_ready() -> None:
    describe = "oc -n kubeflow-openshift describe pods -l app.kubernetes.io/name=kubeflow-openshift"
    assert problem(state(endpointslices=[]))[::2] == ("reachable", describe)
    seen = state()
    failure = {"type": "ReplicaFailure", "message": "exceeded quota"}
    seen.one("servers")["status"] = {"conditions": [failure]}
    check, says, command = problem(seen)
    assert (check, command) == ("reachable", describe)
    assert says.endswith("0 of 2 replicas available, 1 ready endpoints. exceeded quota")
    assert problem(state(services=[]))[1].startswith("Service kubeflow-openshift in namespace")


def test_a_policy_of_openshift_shuts_the_api_server_out_elsewhere() -> None:
    seen = state()
    spec = seen.one("networkpolicies")["spec"]
    spec["ingress"][0]["from"] = [HOST_NETWORK, {"podSelector": {}}]
    assert "the API server is shut out" in problem(seen)[1]
    seen.objects["namespaces"].append(namespace("openshift-host-network", **HOST))
    assert problems(seen) == []
    spec["ingress"][0]["from"] = [{"ipBlock": {"cidr": "10.0.0.0/8"}}, AGENTS]
    assert problems(seen) == []
    spec["ingress"][0]["ports"] = [{"port": 8000, "endPort": 8400}, {"port": "observe"}]
    assert "admits no caller of port 8443" in problem(seen)[1]
    spec["ingress"][0]["ports"] = [{"port": 8000, "endPort": 9000}]
    assert problems(seen) == []
    assert "every pod may call" in problem(state(networkpolicies=[]))[1]


@pytest.mark.parametrize("operator", ["In", "NotIn", "Exists", "DoesNotExist"])
def test_a_selector_selects_as_in_kubernetes(operator: str) -> None:
    selector = {"matchExpressions": [{"key": "a", "operator": operator, "values": ["b"]}]}
    selected = [selects(selector, labels) for labels in ({"a": "b"}, {"a": "c"}, {})]
    expected = {"In": [1, 0, 0], "NotIn": [0, 1, 1], "Exists": [1, 1, 0], "DoesNotExist": [0, 0, 1]}
    assert selected == [bool(each) for each in expected[operator]]
