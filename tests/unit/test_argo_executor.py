"""The strings inside Argo's ConfigMap change where the rule says so, byte for byte, whatever their content."""

import difflib
from dataclasses import replace

import pytest

from tests.support import upstream
from webhook.admission.engine import evaluate
from webhook.admission.review import request_for_manifest
from webhook.manifests.editor import DEEPEST, LONGEST, MOST_EVENTS, parse_embedded
from webhook.objects.model import Object
from webhook.settings.model import Settings

DOCKER = "containerRuntimeExecutor: docker\n"
CASES = {
    # file of upstream: key, the lines that go, the lines that come
    "kubeflow-0.7-served/argo.yaml": (
        "config",
        ["-containerRuntimeExecutor: docker,"],
        ["+containerRuntimeExecutor: k8sapi,"],
    ),
    "kubeflow-26.03/pipeline__overlays.yaml": ("executor", ["-  runAsUser: 65532"], []),
}


def config_map(**data: str) -> Object:
    metadata = {"name": "workflow-controller-configmap", "namespace": "kubeflow"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.mark.parametrize("file", CASES)
def test_of_upstreams_config_map_only_these_lines_change(file: str) -> None:
    if not upstream.FOLDER.is_dir():
        pytest.skip(f"{upstream.FOLDER} is not there: UPSTREAM_MANIFESTS names the folder with upstream's manifests")
    key, gone, come = CASES[file]
    [before] = [
        obj
        for obj in upstream.read(upstream.FOLDER / file)
        if obj["kind"] == "ConfigMap" and obj["metadata"]["name"] == "workflow-controller-configmap"
    ]
    after = evaluate(request_for_manifest(before), Settings()).object
    assert after is not None
    assert {**after["data"], key: ""} == {**before["data"], key: ""}
    texts = (obj["data"][key].splitlines(keepends=True) for obj in (before, after))
    changed = [line.rstrip("\n") for line in difflib.ndiff(*texts) if line[0] in "+-"]
    assert changed == [f"{line[0]} {line[1:]}" for line in (*gone, *come)]


@pytest.mark.parametrize(
    "text",
    [
        DOCKER + "a: " + "[" * DEEPEST * 100 + "]" * DEEPEST * 100,
        DOCKER + "- " * DEEPEST * 100 + "a",
        DOCKER + "a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        DOCKER + "a: " + "1:" * 400 + "1.5\n",
        DOCKER + "a: " + "9" * 5000 + "\n",
        DOCKER + "a: !!python/object/apply:os.system [x]\n",
        DOCKER + "a: !!timestamp x\n",
        DOCKER + "a: \0\n",
        DOCKER + "a: \ud800\n",
        DOCKER + "? " * 200 + "a\n",
        "",
    ],
    ids=lambda text: text[-20:],
)
def test_a_text_that_is_in_doubt_says_nothing_and_stays(text: str) -> None:
    assert parse_embedded(text, ("data", "config")) is None
    outcome = evaluate(request_for_manifest(config_map(config=text, executor=text)), Settings())
    assert (outcome.operations, outcome.failures) == ([], [])


@pytest.mark.parametrize("key", ["config", "executor", "mainContainer", "workflowDefaults"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DOCKER + "#" * LONGEST, "a text of at most 32,768 characters"),
        (DOCKER + "a: [" + "a," * MOST_EVENTS + "]\n", "YAML of at most 500 keys and values"),
        ("".join(f"a{n}: b\n" for n in range(MOST_EVENTS)), "YAML of at most 500 keys and values"),
    ],
    ids=lambda text: text[-20:],
)
def test_a_text_far_larger_than_argos_is_left_alone_and_that_is_said(key: str, text: str, expected: str) -> None:
    outcome = evaluate(request_for_manifest(config_map(**{key: text})), Settings())
    assert outcome.operations == []
    assert outcome.warnings == [f"argo-executor: left alone: data.{key} is not {expected}"]


def test_a_text_that_needs_many_changes_is_left_alone_and_that_is_said() -> None:
    users = "".join(f"  - {{name: t{n}, securityContext: {{runAsUser: 1000}}, container: {{}}}}\n" for n in range(12))
    outcome = evaluate(request_for_manifest(config_map(workflowDefaults=f"spec:\n  templates:\n{users}")), Settings())
    assert outcome.operations == []
    assert outcome.warnings == [
        "argo-executor: left alone: data.workflowDefaults is not YAML of which at most 10 fields change"
    ]


def test_the_largest_text_that_is_read_is_edited() -> None:
    text = DOCKER + "a: [" + "1," * (MOST_EVENTS - 12) + "]\n"
    outcome = evaluate(request_for_manifest(config_map(config=text)), Settings())
    assert outcome.rules() == ["argo-executor"]
    assert outcome.warnings == []


def test_a_pod_spec_patch_of_all_workflows_is_warned_of_once() -> None:
    text = 'spec:\n  podSpecPatch: \'{"securityContext": {"fsGroup": 100}}\'\n'
    warning = (
        "argo-executor: a podSpecPatch of workflowDefaults sets a security context; check that OpenShift allows its IDs"
    )
    for key, said in (
        ("workflowDefaults", text),
        ("config", "workflowDefaults:\n" + "".join(f"  {line}\n" for line in text.splitlines())),
    ):
        made = config_map(**{key: said})
        outcome = evaluate(request_for_manifest(made), Settings())
        assert (outcome.operations, outcome.warnings) == ([], [warning])
        again = replace(request_for_manifest(made), operation="UPDATE", old=made)
        assert evaluate(again, Settings()).warnings == []
    plain = config_map(workflowDefaults="spec:\n  podSpecPatch: '{}'\n")
    assert evaluate(request_for_manifest(plain), Settings()).warnings == []
