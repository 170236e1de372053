"""An installation with nothing wrong on the rig, a namespace in which it works, and the doctor who looks at it."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from tests.rig.cluster import Cluster, wait
from tests.support.installed import mark_ready
from tests.support.kept import Kept, kept
from tests.support.overlays import OVERLAYS
from tests.support.paths import ROOT
from webhook.cli import main as cli
from webhook.settings.scopes import NAMESPACE

SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
SERVER = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAMESPACE}"
SLICE = {
    "metadata": {"name": "by-hand", "labels": {"kubernetes.io/service-name": NAMESPACE}},
    "addressType": "IPv4",
    "ports": [{"name": "https", "port": 8443}],
    "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": True}}],
}
"""What the endpoint controller makes for a Service that leads to pods; the rig's Service leads to this machine."""


@contextmanager
def healthy(cluster: Cluster, out: Path, host: str) -> Iterator[Kept]:
    """Apply the overlay self-managed, with the server on this machine, and do a kubelet's work."""
    with kept(cluster, out, host) as kept_:
        cluster.kubectl("apply", "-k", str(OVERLAYS / "self-managed"))
        be_kubelet(cluster)
        yield kept_


def be_kubelet(cluster: Cluster) -> None:
    """Make the webhook's pods ready, and the endpoint that leads to them."""

    def available() -> bool:
        mark_ready(cluster, PODS)
        return bool(cluster.request("GET", SERVER).body["status"].get("availableReplicas"))

    wait(available, "available replica")
    assert cluster.request("POST", SLICES, SLICE).status in (201, 409)


class Ran(NamedTuple):
    """The end of a command."""

    code: int
    out: str
    err: str


class Doctor:
    """The command, run as its users do."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def run(self, *arguments: str) -> Ran:
        """Run it to its end."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = cli.main(["doctor", "--kubeconfig", str(self.kubeconfig), *arguments])
        return Ran(code, out.getvalue(), err.getvalue())

    def problems(self) -> dict[str, tuple[str, str]]:
        """Return what is wrong and the command for it, by check; all must be said and the exit code agree."""
        done = self.run("--output", "json")
        found = [each for each in json.loads(done.out)["diagnoses"] if not each["good"]]
        assert (done.code, done.err) == (1 if found else 0, "")
        return {each["check"]: (each["says"], each["command"]) for each in found}

    def follow(self, cluster: Cluster, command: str) -> None:
        """Run a command that it named, in the folder in which a user has the repository."""
        shell = f'oc() {{ kubectl "$@"; }}; python() {{ {sys.executable} "$@"; }}; {command}'
        environment = os.environ | {"KUBECONFIG": str(self.kubeconfig), "PATH": f"{os.environ['PATH']}:{cluster.bin}"}
        done = subprocess.run(
            ["sh", "-c", shell], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"


def user(cluster: Cluster, name: str, role: str, folder: Path) -> Path:
    """Make an account with a ClusterRole, and return its kubeconfig."""
    cluster.make("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": name}})
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    binding: dict[str, Any] = {"metadata": {"name": name}, "subjects": [subject], "roleRef": reference}
    cluster.make("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
    token = cluster.make(f"/api/v1/namespaces/default/serviceaccounts/{name}/token", {"spec": {}})["status"]["token"]
    config = json.loads(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    (folder / name).write_text(json.dumps(config))
    return folder / name
