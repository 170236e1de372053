"""`check`: every pod template, before and after; and whom manifests and options grant what."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import upstream
from webhook.cli import main as cli

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: kubeflow}}
spec:
  template:
    spec:
      serviceAccountName: {account}
      securityContext: {context}
      volumes: {volumes}
      containers:
      - name: main
        image: example
"""
HOST = "[{name: host, hostPath: {path: /}}]"


def manifest(name: str = "it", account: str = "it", context: str = "{}", volumes: str = "[]") -> str:
    return DEPLOYMENT.format(name=name, account=account, context=context, volumes=volumes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with one Deployment that is fine, one that the rules save, and one that stays refused."""
    (tmp_path / "all.yaml").write_text(
        "---\n".join(
            (
                manifest("fine"),
                manifest("saved", context="{fsGroup: 100, runAsUser: 1000}"),
                manifest("node", account="agent", volumes=HOST),
            )
        )
    )
    return tmp_path


def run(capfd: pytest.CaptureFixture[str], *words: str | Path, code: int) -> str:
    assert cli.main(["check", *map(str, words)]) == code
    out, err = capfd.readouterr()
    assert err == ""
    return out


def verdicts(capfd: pytest.CaptureFixture[str], *words: str | Path, code: int = 0) -> dict[str, tuple[Any, Any]]:
    found = json.loads(run(capfd, "--output=json", *words, code=code))["templates"]
    return {each["name"]: (each["before"]["admittedBy"], each["after"]["admittedBy"]) for each in found}


@pytest.mark.parametrize("rule", ["", "rules: {user-namespace: false}", "rules: {user-namespace: {images: [example]}}"])
def test_user_namespaces_keep_the_users_that_restricted_v3_admits(
    capfd: pytest.CaptureFixture[str], folder: Path, rule: str
) -> None:
    (config := folder / "config").write_text(rule)
    words = ("--user-namespaces", "--config", config, folder / "all.yaml")
    assert verdicts(capfd, *words, code=1) == {
        "fine": ("restricted-v2", "restricted-v2"),
        "saved": (None, "restricted-v3"),
        "node": (None, None),
    }
    config.write_text("rules: {user-namespace: {images: [another]}}")
    assert verdicts(capfd, *words, code=1)["saved"] == (None, "restricted-v2")


def test_exit_code_0_where_nothing_stays_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(manifest(context="{fsGroup: 100}"))
    assert "all pod templates: 0 of 1 admitted before the webhook, 1 after" in run(capfd, tmp_path, code=0)


def test_suggest_prints_a_role_binding_that_grants_it(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = run(capfd, "--suggest", folder, code=1)
    binding = out[out.index("---\napiVersion: rbac") :]
    (folder / "binding.yaml").write_text(binding)
    assert verdicts(capfd, folder)["node"] == ("hostmount-anyuid", "hostmount-anyuid")


@pytest.mark.parametrize(("everyone", "grant"), [("restricted", "privileged"), ("nonroot", "restricted-v2")])
def test_suggest_grants_no_scc_that_an_older_openshift_does_not_have(
    everyone: str, grant: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "it.yaml").write_text(manifest(context="{seccompProfile: {type: RuntimeDefault}}"))
    out = run(capfd, "--suggest", "--scc", everyone, tmp_path, code=1)
    assert f"name: 'system:openshift:scc:{grant}'" in out


def test_grant_and_scc_and_namespace_range(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    granted = verdicts(capfd, "--grant", "kubeflow/agent=privileged", folder)
    assert granted["node"] == ("privileged", "privileged")
    assert verdicts(capfd, "--scc=restricted", folder, code=1)["fine"] == ("restricted", "restricted")
    (folder / "all.yaml").write_text(manifest(context="{runAsUser: 5000}"))
    ranged = verdicts(capfd, "--namespace-range", "5000/10", "--output=json", folder)
    assert ranged["it"][0] == "restricted-v2"


@pytest.mark.parametrize(
    "words",
    [
        ["--suggest", "--output=json"],
        ["--grant", "agent=privileged"],
        ["--grant", "a/b"],
        ["--scc", "none-such"],
        ["--namespace-range", "x"],
        ["--output", "xml"],
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    folder: Path, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    try:
        code = cli.main(["check", *words, str(folder)])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert "Traceback" not in capfd.readouterr().err


WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: it, namespace: kubeflow}
spec:
  securityContext: {runAsUser: 1000}
  HOST
  templates:
  - {name: plain, container: {image: example}}
  - {name: other, container: {image: example}, OTHER}
"""


@pytest.mark.parametrize(
    ("other", "host", "config", "after"),
    [
        ("volumes: []", "", "", "restricted-v2"),
        ("volumes: [{name: h, hostPath: {path: /}}]", "", "", None),  # it keeps its IDs, in a copy of their own
        ("serviceAccountName: own", "", "exempt: {serviceAccounts: [kubeflow/own]}", None),
        ("metadata: {annotations: {kubeflow-openshift/rules: none}}", "", "", None),
        ("volumes: []", "hostNetwork: true", "", None),
    ],
    ids=["alike", "with a host's path", "exempt", "opted out", "on the host's network"],
)
def test_each_template_of_a_workflow_is_a_pod_of_its_own(
    other: str, host: str, config: str, after: str | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(
        WORKFLOW.replace("OTHER", other).replace("  HOST\n", f"  {host}\n" if host else "")
    )
    (tmp_path / "config").write_text(config or "{}")
    found = verdicts(capfd, f"--config={tmp_path / 'config'}", tmp_path / "a.yaml", code=after is None)
    assert found == {"it": (None, after)}


def test_a_workflow_is_no_pod_beside_templates_that_inherit_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = "{name: main, securityContext: {}, container: {image: b}}"
    head = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: it, namespace: default}\n"
    (tmp_path / "a.yaml").write_text(f"{head}spec: {{securityContext: {{runAsUser: 1000}}, templates: [{own}]}}\n")
    found = json.loads(run(capfd, "--output=json", tmp_path, code=0))["templates"]
    assert [each["path"] for each in found] == ["/spec/templates/0"]


def test_26_03_is_judged_as_the_rig_judges_it(capfd: pytest.CaptureFixture[str]) -> None:
    folder = upstream.FOLDER / "kubeflow-26.03"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: UPSTREAM_MANIFESTS names the folder with upstream's manifests")
    text = run(capfd, folder, code=1)  # istio-cni-node, a node component, stays refused
    assert "workloads that create pods: 18 of 50 admitted before the webhook, 50 after" in text
    assert "istio-cni" in text


def eight(name: int, of: bytes) -> bytes:
    return b"%c: &%c [%s]\n" % (name, name, b",".join([of] * 8))


BOMB = eight(ord("a"), b"x") + b"".join(eight(name, b"*%c" % (name - 1)) for name in b"bcdefgh")


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b"a: b\n" * (14 * 2**20), 1, "larger than 64 MiB"),
        (b"---\n" * 1_000_000, 20001, "more than 20000 documents"),
        (BOMB, 1, "more than 2,000,000 values"),
        (b"a: 1\nb: !!python/object/apply:os.system [x]\n", 2, "tag"),
        (b"a: 1\na: 2\n", 2, "duplicate key"),
    ],
    ids=["large", "many documents", "bomb of aliases", "python object", "key twice"],
)  # fmt: skip
def test_what_would_exhaust_us_is_refused_in_bounded_time(
    content: bytes, line: int, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    start = time.monotonic()
    assert cli.main(["check", str(path)]) == 2
    assert time.monotonic() - start < 20
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"{path}:{line}: ")
    assert said in err


def test_what_nobody_can_read_is_said_and_the_rest_is_judged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = "apiVersion: kubeflow.org/v1alpha3\nkind: Trial\nmetadata: {name: t}\nspec:\n  runSpec: 'kind: Job'\n"
    (tmp_path / "a.yaml").write_text(f"{text}---\n{manifest()}")
    assert cli.main(["check", "--output=json", str(tmp_path)]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["summary"]["templates"] == 1
    assert err == f"{tmp_path / 'a.yaml'}:1: Trial.kubeflow.org t: not judged: spec.runSpec is not a map\n"
