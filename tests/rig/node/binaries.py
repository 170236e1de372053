"""The node's programs, from Go modules."""

import pathlib
from typing import Final

from tests.rig.build import ENVIRONMENT, Module, build

HERE: Final = pathlib.Path(__file__).resolve().parent
CONTAINERD: Final = "github.com/containerd/containerd/v2/cmd"
# runc is partly C, and without libseccomp it refuses the seccomp profile that SCC sets.
WITH_SECCOMP: Final = {**ENVIRONMENT, "CGO_ENABLED": "1", "GOFLAGS": f"{ENVIRONMENT['GOFLAGS']} -tags=seccomp"}

NODE: Final = (
    Module(
        HERE / "kubelet",
        {
            "pause": "./pause",
            "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
            "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
            "kubelet": "k8s.io/kubernetes/cmd/kubelet",
        },
    ),
    Module(
        HERE / "runtime",
        {name: f"{CONTAINERD}/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")},
    ),
    Module(HERE / "runtime", {"runc": "github.com/opencontainers/runc"}, WITH_SECCOMP),
)
DNS: Final = Module(HERE / "dns", {"coredns": "."})
FIREWALL: Final = Module(
    HERE / "firewall", {"kube-router": "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"}
)


def link(folder: pathlib.Path, *, dns: bool, policies: bool) -> None:
    """Build what is not built yet, and link all of it into one folder."""
    folder.mkdir()
    for module in (*NODE, *([DNS] if dns else []), *([FIREWALL] if policies else [])):
        built = build(module)
        for name in module.packages:
            folder.joinpath(name).symlink_to(built / name)
