"""A reader of the pages: Bash in a folder that has what the commands name, on a cluster with a user's namespace."""

import doctest
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.rig.cluster import Cluster, wait
from tests.support.as_installed import stateful_set
from tests.support.blocks import TOLERANT, Block, exit_codes
from tests.support.installed import crd, namespace, refusals, serve
from tests.support.notebooks import notebook
from tests.support.overlays import serve_kinds_of_others
from tests.support.paths import ROOT
from tests.support.walk import PROFILE
from webhook.manifests import reader

OURS: Final = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m webhook "$@"\n'
BEFORE: Final = """\
set -o pipefail
trap 'code=$?; echo "$LINENO $code" >>exits; sed -n "${LINENO}p" "$0" | grep -q "$EXITS" || exit $code' ERR
"""
"""What Bash does before a block: it ends at the first command whose exit code the page does not name."""
LIKENESS: Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
REVIEW: Final = ROOT / "tests/fixtures/reviews/v1-create-configmap-argo-executor-patched.request.json"
TEAM: Final = "team"


def prepare_cluster(cluster: Cluster, *, refused: bool) -> None:
    """Make a profile's namespace with a Notebook, and if wanted with a Deployment that OpenShift refuses."""
    namespace(cluster, TEAM, **PROFILE)
    serve_kinds_of_others(cluster)
    cluster.make(serve(cluster, crd("Notebook", "notebooks"), TEAM), notebook("nb"))
    if refused:
        cluster.make(f"/apis/apps/v1/namespaces/{TEAM}/deployments", web())
        wait(lambda: refusals(cluster, TEAM), "refusal")


def web(name: str = "web") -> dict[str, Any]:
    """Return a Deployment with the IDs of many of upstream's, whose image the node has."""
    spec = stateful_set(name)["spec"]
    spec["template"]["spec"]["securityContext"]["runAsUser"] = 1000
    del spec["serviceName"]
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def in_kubeflow(*names: str) -> str:
    """Return manifests of Deployments in Kubeflow's namespace."""
    objects: list[dict[str, Any]] = [web(name) for name in names]
    for obj in objects:
        obj["metadata"]["namespace"] = "kubeflow"
    return "---\n".join(map(reader.dump, objects))


def files() -> dict[str, str]:
    """Return what the commands name, by its path in the reader's folder."""
    kubeflow = reader.dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kubeflow"}})
    resources = "resources: [all.yaml]\n"
    return {
        "example/all.yaml": f"{kubeflow}---\n{in_kubeflow('web')}",
        "example/kustomization.yaml": resources,
        "kustomize/metadata/all.yaml": in_kubeflow("minio", "metadata-db"),
        "kustomize/metadata/kustomization.yaml": resources,
        "manifests/web.yaml": in_kubeflow("web"),
        "examples/web.yaml": reader.dump(web()),
        "deployment.yaml": in_kubeflow("web"),
        "review.json": REVIEW.read_text(),
        "review.yaml": REVIEW.read_text(),  # JSON is YAML
        "config.yaml": (ROOT / "deploy/base/config.yaml").read_text(),
        "before": BEFORE,
    }


class Shell:
    """Bash as a reader of the pages has it."""

    def __init__(self, cluster: Cluster, folder: Path, renderers: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "deploy", folder / "deploy")
        for path, text in files().items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        kubeconfig = json.loads(cluster.kubeconfig.read_text())
        kubeconfig["contexts"] += [{**kubeconfig["contexts"][0], "name": "production"}]
        (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
        programs = folder / "bin"
        programs.mkdir()
        kubectl = shutil.which("kubectl") or str(cluster.bin / "kubectl")
        for name, program in {"oc": kubectl, "kubectl": kubectl, "kustomize": str(renderers / "kustomize")}.items():
            (programs / name).symlink_to(program)
        (programs / "kubeflow-openshift").write_text(OURS)
        (programs / "kubeflow-openshift").chmod(0o755)
        self.environment = os.environ | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "KUBECONFIG": str(folder / "kubeconfig"),
            "HOME": str(folder),
            "EDITOR": "true",  # who edits changes nothing
            "BASH_ENV": str(folder / "before"),
        }

    def run(self, block: Block, words: Mapping[str, str]) -> tuple[str, str]:
        """Run a block with its placeholders replaced, and return what it printed, and what was wrong or nothing."""
        text = block.text
        for word, value in words.items():
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", value, text)
        tolerant = block.mark == TOLERANT
        (self.folder / "block").write_text(text)
        (self.folder / "exits").write_text("")
        done = subprocess.run(
            ["bash", "block"],
            cwd=self.folder,
            env=self.environment | {"EXITS": "" if tolerant else "exits with [0-9]"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        lines = (self.folder / "exits").read_text().splitlines()
        exits = {int(number): int(code) for number, code in map(str.split, lines)}
        expected = max(exits.values(), default=0) <= 1 if tolerant else exits == exit_codes(text)
        good = expected and done.returncode in (0, *exits.values())  # neither is a syntax error's
        return done.stdout, "" if good else f"exit codes {exits}: {done.stdout}{done.stderr}"


def alike(said: str, printed: str) -> bool:
    """Check whether a page says what was printed; `...` on the page stands for any text."""
    return doctest.OutputChecker().check_output(said, printed, LIKENESS)
