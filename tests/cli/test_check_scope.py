"""`check` is true of the installed webhook: what it is asked about, and what it never sees."""

import json
from pathlib import Path

import pytest

from webhook.cli import main as cli

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: it, namespace: NAMESPACE}
spec: {template: {spec: {securityContext: {fsGroup: 100}, containers: [{name: main}]}}}
"""
OPTED_IN = "metadata: {name: team, labels: {kubeflow-openshift: enabled}}\nkind: Namespace\n"


def verdicts(
    capfd: pytest.CaptureFixture[str], *words: str | Path, code: int = 0
) -> dict[str, tuple[object, object, object]]:
    assert cli.main(["check", "--output=json", *map(str, words)]) == code
    found = json.loads(capfd.readouterr().out)["templates"]
    return {t["name"]: (t["before"]["admittedBy"], t["after"]["admittedBy"], t["asked"]) for t in found}


@pytest.mark.parametrize(
    ("namespace", "beside", "asked"),
    [
        ("kubeflow", "", True),
        ("team", "", False),
        ("team", OPTED_IN, True),
        ("team", "metadata: {name: team, labels: {a: b}}\nkind: Namespace\n", False),
        ("team", "metadata: {name: team}\nkind: Profile\n", True),
        ("openshift-a", OPTED_IN.replace("team", "openshift-a"), False),
    ],
)
def test_the_webhook_acts_only_where_the_api_server_asks_it(
    namespace: str, beside: str, asked: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(DEPLOYMENT.replace("NAMESPACE", namespace) + f"---\n{beside}")
    after = "restricted-v2" if asked else None
    assert verdicts(capfd, tmp_path, code=not asked)["it"] == (None, after, asked)
    if namespace == "openshift-a":
        return  # exempt in the configuration, too
    assert verdicts(capfd, "--all-namespaces", tmp_path)["it"] == (None, "restricted-v2", True)
    if not asked:
        assert cli.main(["check", str(tmp_path)]) == 1
        assert f"oc label namespace {namespace}" in " ".join(capfd.readouterr().out.replace("│", " ").split())


def test_the_namespace_of_objects_that_name_none_can_be_chosen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(DEPLOYMENT.replace(", namespace: NAMESPACE", ""))
    assert verdicts(capfd, tmp_path, code=1)["it"][2] is False
    assert verdicts(capfd, "--namespace=kubeflow", tmp_path)["it"][2] is True


def test_the_chosen_namespace_decides_what_is_exempt(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(DEPLOYMENT.replace(", namespace: NAMESPACE", ""))
    (tmp_path / "config").write_text("exempt: {serviceAccounts: [kubeflow/default]}\n")
    config = f"--config={tmp_path / 'config'}"
    assert verdicts(capfd, config, "--namespace=kubeflow", tmp_path / "a.yaml", code=1)["it"] == (None, None, True)
    assert verdicts(capfd, config, "--namespace=kserve", tmp_path / "a.yaml")["it"] == (None, "restricted-v2", True)


def test_a_kind_without_namespaces_has_none_whatever_it_says(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    runtime = "apiVersion: serving.kserve.io/v1alpha1\nkind: ClusterServingRuntime\n"
    spec = "{containers: [{name: a, securityContext: {runAsUser: 1000}}]}"
    for namespace in ("", ", namespace: team"):
        (tmp_path / "a.yaml").write_text(f"{runtime}metadata: {{name: a{namespace}}}\nspec: {spec}\n")
        assert verdicts(capfd, tmp_path)["a"] == (None, "restricted-v2", True)
        assert cli.main(["check", str(tmp_path)]) == 0
        assert capfd.readouterr().out.startswith("ClusterServingRuntime a\n")


def test_no_label_opts_a_namespace_of_the_platform_in(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(DEPLOYMENT.replace("NAMESPACE", "kube-system"))
    assert cli.main(["check", str(tmp_path)]) == 1
    out = capfd.readouterr().out
    assert "the webhook is not asked about namespace kube-system, which is the platform's\n" in out
    assert "oc label" not in out


@pytest.mark.parametrize("content", ["", "# nothing\n", "[]"])
def test_no_object_is_bad_input(content: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(content)
    assert cli.main(["check", str(tmp_path)]) == 2
    out, err = capfd.readouterr()
    assert (out, err) == ("", f"{tmp_path}: nothing to judge: no object in the input\n")


def test_a_json_array_and_a_resource_list_are_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}}
    spec = {"template": {"spec": {"containers": [{"name": "c"}]}}}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}
    for content in ([account, deployment], {"kind": "ResourceList", "items": [deployment]}):
        (tmp_path / "a.json").write_text(json.dumps(content))
        assert verdicts(capfd, "--namespace=kubeflow", tmp_path).keys() == {"a"}


def test_json_with_escaped_characters_has_its_lines(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spec = {"template": {"spec": {"securityContext": {"fsGroup": 100}, "containers": [{"name": "c"}]}}}
    metadata = {"name": "a", "annotations": {"face": "\N{GRINNING FACE}", "path": "\\ud83d"}}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    (tmp_path / "a.json").write_text(json.dumps(deployment, indent=1))
    assert cli.main(["check", "--output=json", "--namespace=kubeflow", str(tmp_path)]) == 0
    [found] = json.loads(capfd.readouterr().out)["templates"]
    lines = (tmp_path / "a.json").read_text().splitlines()
    assert "fsGroup" in lines[found["findings"][0]["line"] - 1]


def test_what_must_be_rendered_first_is_named_and_stops_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(DEPLOYMENT.replace("NAMESPACE", "kubeflow"))
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nresources: [a.yaml]\n")
    (tmp_path / "template.yaml").write_text("kind: Pod\nspec:\n  {{- toYaml .Values }}\n    a: [\n")
    assert cli.main(["check", str(tmp_path)]) == 2
    out, err = capfd.readouterr()
    assert "0 of 1 admitted before the webhook, 1 after" in out
    assert f"kustomize build {tmp_path} | kubeflow-openshift check -" in err
    assert f"{tmp_path}/template.yaml:" in err
    assert "helm template CHART | kubeflow-openshift check -" in err
    assert err.count("\n") == 2


def test_a_bare_pod_is_judged_as_without_the_webhook(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spec = "{securityContext: {runAsUser: 1000}, containers: [{name: a}]}"
    (tmp_path / "a.yaml").write_text(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {spec}\n")
    assert verdicts(capfd, tmp_path, code=1) == {"a": (None, None, False)}
    assert cli.main(["check", str(tmp_path)]) == 1
    assert "stays rejected: 1 Pod" in capfd.readouterr().out
