"""Build the control plane's binaries, once for each state of their sources."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

MODULE = pathlib.Path(__file__).resolve().parent / "apiserver"

PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": ".",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "scc-oracle": "./oracle",
}
SCC_DEFINITION = "scc-definition.yaml"  # beside the binaries, copied from the Go module github.com/openshift/api
IN_MODULE = "payload-manifests/crds/0000_03_config-operator_01_securitycontextconstraints.crd.yaml"
VERSION = "k8s.io/component-base/version.git"  # what /version answers
LDFLAGS = f"-s -w -X {VERSION}Version=v1.34.4 -X {VERSION}Major=1 -X {VERSION}Minor=34"
# Whatever the caller's Go is set to, the same sources give the same binaries.
ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "GONOSUMDB": "github.com/openshift/*",  # not every checksum database has them; go.sum pins their content
}


class Unavailable(Exception):
    """Tell in one sentence what this machine lacks for the rig, and what to do."""


def build() -> pathlib.Path:
    """Build what is not built yet; return the folder with the binaries and the definition of SCCs."""
    version = go_version()
    cache = os.environ.get("KUBEFLOW_OPENSHIFT_RIG_CACHE") or "~/.cache/kubeflow-openshift-rig"
    folder = pathlib.Path(cache).expanduser().absolute() / fingerprint(version) / "bin"
    wanted = [name for name in PACKAGES if name != "kubectl" or not shutil.which("kubectl")]
    if missing(folder, wanted):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / "lock"):
            if names := missing(folder, wanted):
                compile_binaries(folder, names)
    return folder


def go_version() -> str:
    """Return the version and platform of a Go that is new enough for the module."""
    needed = re.search(r"^go (\d+)\.(\d+)", MODULE.joinpath("go.mod").read_text(), re.MULTILINE)
    assert needed
    install = f"install Go {needed[1]}.{needed[2]} or newer and put it on PATH"
    if not shutil.which("go"):
        raise Unavailable(f"the rig is built with Go, which is not on PATH: {install}.")
    found = go("version").stdout.strip()
    number = re.search(r"go(\d+)\.(\d+)", found)
    if number and (int(number[1]), int(number[2])) < (int(needed[1]), int(needed[2])):
        raise Unavailable(f"{number[0]} is too old to build the rig: {install}.")
    return found


def fingerprint(version: str) -> str:
    """Hash all that the binaries follow from."""
    digest = hashlib.sha256(repr((version, PACKAGES, LDFLAGS, ENVIRONMENT)).encode())
    for path in sorted(p for p in MODULE.rglob("*") if p.suffix == ".go" or p.name in ("go.mod", "go.sum")):
        digest.update(f"{path.relative_to(MODULE)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:12]


def missing(folder: pathlib.Path, wanted: list[str]) -> list[str]:
    return [name for name in wanted if not (folder / name).exists()]


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """Let one process at a time build into a folder."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("rig: waiting for another build", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def compile_binaries(folder: pathlib.Path, names: list[str]) -> None:
    """Build the named binaries into a folder, and put the definition of SCCs beside them."""
    packages = {name: PACKAGES[name] for name in ("kube-apiserver", *names)}
    with timed("getting Go modules (building takes minutes the first time)"):
        fetched = go("list", "-deps", *packages.values())
    if fetched.returncode:
        reason = fetched.stderr.strip().splitlines()[-1]
        raise Unavailable(f"Go cannot get the modules that the rig is built from, so give it a module proxy: {reason}")
    module = go("list", "-m", "-f", "{{.Dir}}", "github.com/openshift/api").stdout.strip()
    shutil.copyfile(pathlib.Path(module) / IN_MODULE, folder / SCC_DEFINITION)
    for name in names:
        partial = folder / f".{name}"
        with timed(f"building {name}"):
            built = go("build", "-ldflags", LDFLAGS, "-o", str(partial), packages[name])
        if built.returncode:
            raise RuntimeError(f"go build of {name} failed:\n{built.stderr}")
        partial.replace(folder / name)


def go(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["go", *arguments], cwd=MODULE, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False
    )


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """Tell on one line what is being done, and in the end how long it took."""
    start = time.monotonic()
    print(f"rig: {what} ...", end=" ", file=sys.stderr, flush=True)
    yield
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
