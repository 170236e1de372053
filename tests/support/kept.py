"""The webhook on the rig with certificates of the keeper, and a load that records each failed admission."""

import base64
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from certs.authority import certificates as x509
from tests.rig.cluster import Cluster, wait
from tests.support.certificate_world import issued
from tests.support.installed import CONFIGURATIONS, OPTED_IN, deployed, deployment, namespace
from tests.support.server import Server, serving

NAMESPACE = "kubeflow-openshift"
SECRET = f"/api/v1/namespaces/{NAMESPACE}/secrets/kubeflow-openshift-certificate"
WRITES = 8
"""Of one change of CA: next CA, caBundle, moment seen, switch, caBundle, moment seen, retirement, caBundle."""
REGISTERED = f"{CONFIGURATIONS}/zz-kubeflow-openshift"


def command(
    cluster: Cluster, out: Path, *arguments: str, module: tuple[str, ...] = ("certs",), kubeconfig: Path | None = None
) -> list[str]:
    """Return the command of a keeper that publishes for a server here."""
    where = [] if arguments[0] == "show" else ["--out", str(out)]
    line = [sys.executable, "-m", *module, *arguments, *where]
    return [*line, "--kubeconfig", str(kubeconfig or cluster.kubeconfig)]


@dataclass(frozen=True, slots=True)
class Kept:
    """A cluster, the server, and the folder from which it serves."""

    cluster: Cluster
    server: Server
    out: Path

    def run(self, *arguments: str, module: tuple[str, ...] = ("certs",)) -> subprocess.CompletedProcess[str]:
        """Run a keeper to its end."""
        line = command(self.cluster, self.out, *arguments, module=module)
        return subprocess.run(line, capture_output=True, text=True, timeout=90, check=False)

    def admitted(self) -> str:
        """Return "" where the API server asks the webhook and gets its answer, else what it says."""
        body = deployment("probe", securityContext={"fsGroup": 100})
        answer = self.cluster.request("POST", "/apis/apps/v1/namespaces/load/deployments?dryRun=All", body)
        if answer.status != 201:
            return str(answer.body.get("message"))
        return "" if "fsGroup" not in answer.body["spec"]["template"]["spec"]["securityContext"] else "not asked"


@contextmanager
def kept(cluster: Cluster, out: Path, host: str) -> Iterator[Kept]:
    """Install the webhook on a cluster, with certificates that a keeper made and has everyone trust."""
    namespace(cluster, NAMESPACE)
    service = {"type": "ExternalName", "externalName": host}
    cluster.make(f"/api/v1/namespaces/{NAMESPACE}/services", {"metadata": {"name": NAMESPACE}, "spec": service})
    cluster.make(CONFIGURATIONS, deployed())
    namespace(cluster, "load", **OPTED_IN)
    made = subprocess.run(command(cluster, out, "ensure", "--once"), capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    with serving("--certificate", str(out / "serving.pem"), host=host, port=8443) as server:
        running = Kept(cluster, replace(server, ca=out / "ca.crt"), out)
        recovered(running, 10)
        yield running


@dataclass
class Load:
    """What happened to admissions while something else was done."""

    count: int = 0
    looks: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def load(kept_: Kept, threads: int = 3) -> Iterator[Load]:
    """Have the API server admit objects through the webhook, all the while."""
    result, stop = Load(), threading.Event()

    def work() -> None:
        while not stop.is_set():
            failure = kept_.admitted()
            result.count += 1
            if failure:
                result.failures.append(f"{time.strftime('%X')} {failure}")
            time.sleep(0.005)

    def watch() -> None:
        """INV-CERT: what is served is signed by one whom every entry of the webhook configuration trusts."""
        while not stop.is_set():
            leaf = x509(ssl.get_server_certificate((kept_.server.host, kept_.server.port)).encode())
            for entry in kept_.cluster.request("GET", REGISTERED).body.get("webhooks", []):
                bundle = x509(base64.b64decode(entry["clientConfig"].get("caBundle", "")))
                result.looks += 1
                if bundle and not any(issued(ca, leaf[0]) for ca in bundle):
                    result.failures.append("INV-CERT: what is served is not trusted by all")
            time.sleep(0.05)

    workers = [threading.Thread(target=work) for _ in range(threads)] + [threading.Thread(target=watch)]
    for worker in workers:
        worker.start()
    try:
        yield result
    finally:
        stop.set()
        for worker in workers:
            worker.join()


@contextmanager
def keeping(kept_: Kept, *arguments: str, kubeconfig: Path | None = None) -> Iterator[Path]:
    """Run `ensure` for a while; yield the file that it logs to."""
    log = kept_.out.parent / f"keeper-{time.monotonic_ns()}.log"
    line = command(kept_.cluster, kept_.out, "ensure", *arguments, kubeconfig=kubeconfig)
    with log.open("wb") as output, subprocess.Popen(line, stdout=output, stderr=output) as process:
        try:
            yield log
        finally:
            process.terminate()
            process.wait(10)


def recovered(kept_: Kept, within: float) -> float:
    """Wait until admissions succeed; return after how many seconds they did."""
    begin = time.monotonic()
    wait(lambda: not kept_.admitted(), "admission", within)
    return time.monotonic() - begin
