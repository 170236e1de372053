"""Build binaries from Go modules, once for each state of their sources."""

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Final

VERSION: Final = "k8s.io/component-base/version.git"  # what /version answers, and a node reports
LDFLAGS: Final = f"-s -w -X {VERSION}Version=v1.34.4 -X {VERSION}Major=1 -X {VERSION}Minor=34"
# Whatever the caller's Go is set to, the same sources give the same binaries.
ENVIRONMENT: Final = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "GONOSUMDB": "github.com/openshift/*",  # not every checksum database has them; go.sum pins their content
}
SCC_DEFINITION: Final = "scc-definition.yaml"
IN_API: Final = "payload-manifests/crds/0000_03_config-operator_01_securitycontextconstraints.crd.yaml"


@dataclasses.dataclass(frozen=True)
class Module:
    """A Go module, what is built from it, and what is copied from the modules that it requires."""

    folder: pathlib.Path
    packages: Mapping[str, str]
    """The package of each binary, by the binary's name."""
    environment: Mapping[str, str] = dataclasses.field(default_factory=lambda: ENVIRONMENT)
    copied: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    """The module and the path in it of each file that goes beside the binaries, by the file's name."""

    def go(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the Go command in the module."""
        return subprocess.run(
            ["go", *arguments],
            cwd=self.folder,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


CONTROL_PLANE: Final = Module(
    pathlib.Path(__file__).resolve().parent / "apiserver",
    {
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": ".",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kubectl": "k8s.io/kubernetes/cmd/kubectl",
        "scc-oracle": "./oracle",
    },
    copied={SCC_DEFINITION: ("github.com/openshift/api", IN_API)},
)


class Unavailable(Exception):
    """Tell in one sentence what this machine lacks for the rig, and what to do."""


def cache() -> pathlib.Path:
    """Return the folder that keeps what is built between runs."""
    return pathlib.Path(
        os.environ.get("KUBEFLOW_OPENSHIFT_RIG_CACHE") or "~/.cache/kubeflow-openshift-rig"
    ).expanduser()


def build(module: Module = CONTROL_PLANE) -> pathlib.Path:
    """Build what is not built yet of a module; return the folder with the binaries and the copied files."""
    version = go_version(module)
    folder = cache().absolute() / fingerprint(module, version) / "bin"
    wanted = [name for name in module.packages if name != "kubectl" or not shutil.which("kubectl")]
    if missing(folder, wanted):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / "lock"):
            if names := missing(folder, wanted):
                compile_binaries(module, folder, names)
    return folder


def go_version(module: Module) -> str:
    """Return the version and platform of a Go that is new enough for the module."""
    needed = re.search(r"^go (\d+)\.(\d+)", module.folder.joinpath("go.mod").read_text(), re.MULTILINE)
    assert needed
    install = f"install Go {needed[1]}.{needed[2]} or newer and put it on PATH"
    if not shutil.which("go"):
        raise Unavailable(f"the rig is built with Go, which is not on PATH: {install}.")
    found = module.go("version").stdout.strip()
    number = re.search(r"go(\d+)\.(\d+)", found)
    if number and (int(number[1]), int(number[2])) < (int(needed[1]), int(needed[2])):
        raise Unavailable(f"{number[0]} is too old to build the rig: {install}.")
    return found


def fingerprint(module: Module, version: str) -> str:
    """Hash all that the binaries follow from."""
    given = (version, dict(module.packages), LDFLAGS, dict(module.environment))
    digest = hashlib.sha256(repr(given).encode())
    for path in sorted(p for p in module.folder.rglob("*") if p.suffix == ".go" or p.name in ("go.mod", "go.sum")):
        digest.update(f"{path.relative_to(module.folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
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


def compile_binaries(module: Module, folder: pathlib.Path, names: list[str]) -> None:
    """Build the named binaries into a folder, and put what is copied beside them."""
    with timed(f"getting Go modules for {', '.join(names)} (building takes minutes the first time)"):
        fetched = module.go("list", "-deps", *module.packages.values())
    if fetched.returncode:
        reason = fetched.stderr.strip().splitlines()[-1]
        raise Unavailable(f"Go cannot get the modules that the rig is built from, so give it a module proxy: {reason}")
    for file, (source, path) in module.copied.items():
        root = module.go("list", "-m", "-f", "{{.Dir}}", source).stdout.strip()
        shutil.copyfile(pathlib.Path(root) / path, folder / file)
    for name in names:
        partial = folder / f".{name}"
        with timed(f"building {name}"):
            built = module.go("build", "-ldflags", LDFLAGS, "-o", str(partial), module.packages[name])
        if built.returncode:
            raise RuntimeError(f"go build of {name} failed:\n{built.stderr}")
        partial.replace(folder / name)


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """Tell on one line what is being done, and in the end how long it took."""
    start = time.monotonic()
    print(f"rig: {what} ...", end=" ", file=sys.stderr, flush=True)
    yield
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
