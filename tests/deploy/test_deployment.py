"""The Deployment's numbers fit each other, what it starts, its network policy and its certificate."""

import re
from typing import Any

from gunicorn.config import Config

from tests.support.overlays import DEPLOY, OVERLAYS
from webhook.cli import main as cli
from webhook.manifests import reader
from webhook.objects.model import lookup

POD: dict[str, Any] = reader.one_document(DEPLOY / "base/deployment.yaml").value["spec"]["template"]["spec"]
[SERVER] = POD["containers"]


def test_a_pod_is_given_the_time_that_it_takes_to_go() -> None:
    [*_, program] = SERVER["lifecycle"]["preStop"]["exec"]["command"]
    waits = re.fullmatch(r"import time; time\.sleep\((\d+)\)", program)
    assert waits
    finishes = Config().graceful_timeout  # serving.py leaves it as gunicorn has it
    assert int(waits[1]) + finishes < POD["terminationGracePeriodSeconds"] <= int(waits[1]) + finishes + 10


def test_the_server_understands_its_arguments() -> None:
    options = cli.parser().parse_args(SERVER["args"])
    ports = {port["name"]: port["containerPort"] for port in SERVER["ports"]}
    assert ports == {"https": options.port, "observe": options.observe_port}
    mounts = {mount["mountPath"] for mount in SERVER["volumeMounts"]}
    assert {str(path.parent) for path in (options.config, options.certificate, options.key)} < mounts


def test_probes_do_not_go_through_the_port_of_reviews() -> None:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert SERVER[probe]["httpGet"]["port"] == "observe"


def test_the_policy_names_the_ports_that_the_server_opens_and_lets_it_call_nobody() -> None:
    policy = reader.one_document(DEPLOY / "base/network-policies.yaml").value["spec"]
    opened = [port["port"] for rule in policy["ingress"] for port in rule["ports"]]
    assert opened == [port["containerPort"] for port in SERVER["ports"]]
    assert "Egress" in policy["policyTypes"]
    assert "egress" not in policy  # to nobody


def test_the_certificate_of_cert_manager_is_for_the_name_that_the_api_server_asks() -> None:
    documents = [document.value for document in reader.read([str(OVERLAYS / "cert-manager/certificates.yaml")])]
    by_name = {(each["kind"], each["metadata"]["name"]): each["spec"] for each in documents}
    serving, authority = (
        by_name["Certificate", "kubeflow-openshift"],
        by_name["Certificate", "kubeflow-openshift-authority"],
    )
    assert serving["dnsNames"] == ["kubeflow-openshift.kubeflow-openshift.svc"]
    assert serving["secretName"] in {lookup(volume, ("secret", "secretName")) for volume in POD["volumes"]}
    for certificate, rotation in ((serving, "Always"), (authority, "Never")):  # why: test_authority.py
        assert certificate["privateKey"] == {"algorithm": "ECDSA", "size": 256, "rotationPolicy": rotation}
        assert ("Issuer", certificate["issuerRef"]["name"]) in by_name
        assert int(certificate["renewBefore"][:-1]) < int(certificate["duration"][:-1])
    assert authority["isCA"] is True
    assert by_name["Issuer", "kubeflow-openshift-authority"]["ca"]["secretName"] == authority["secretName"]
