"""Upstream's own controllers, from Go modules, as images under the names that upstream's manifests use."""

import pathlib
import sys
import tarfile
import tempfile
from typing import Final

from tests.rig.build import Module, build, cache
from tests.rig.node import binaries, images

HERE: Final = pathlib.Path(__file__).resolve().parent
PYTORCH: Final = "gcr.io/project/pytorch_dist_mnist:rig"
TENSORFLOW: Final = "gcr.io/kubeflow-ci/tf-mnist-with-summaries:1.0"
"""The same image: it has the directories of both."""
ENGINE: Final = "docker.io/seldonio/engine:0.4.1"
CLASSIFIER: Final = "docker.io/seldonio/mock_classifier:1.0"
COST: Final = (
    "the first build of upstream's controllers takes about 5 minutes on two idle cores, half an hour on busy ones, "
    "0.7 GB of disk for what is kept and some 3 GB in Go's own caches"
)
TRAINING: Final = Module(
    HERE / "training", {"training-operator": "github.com/kubeflow/training-operator/cmd/training-operator.v1"}
)
TRAINING_MANIFESTS: Final = ("github.com/kubeflow/training-operator", "manifests/overlays/kubeflow")


def source_of(module: Module, name: str) -> pathlib.Path:
    """Return the folder of a module that another one requires, with upstream's manifests in it."""
    done = module.go("list", "-m", "-f", "{{.Dir}}", name)
    assert done.returncode == 0, done.stderr
    return pathlib.Path(done.stdout.strip())


def image(module: Module, binary: str, name: str, at: str) -> pathlib.Path:
    """Return the archive of an image with nothing but a static binary and /tmp; make it if it is not kept."""
    file = build(module) / binary
    with images.kept(binary, repr((name, at, file.parent.parent.name)).encode()) as (archive, is_new):
        if is_new:
            with tempfile.TemporaryDirectory() as folder:
                layer = pathlib.Path(folder, "layer.tar")
                with tarfile.open(layer, "w") as tar:
                    tar.addfile(scratch())
                    tar.add(file, at)
                images.archive(layer, name, archive, {"Entrypoint": [f"/{at}"], "User": "65532"})
    return images.final(archive)


def scratch() -> tarfile.TarInfo:
    """Return the entry of /tmp, where all may write."""
    entry = tarfile.TarInfo("tmp")
    entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
    return entry


def training_images() -> list[pathlib.Path]:
    """Return the archives of the training operator, of its init container, and of both MNIST examples."""
    return [
        image(TRAINING, "training-operator", "docker.io/kubeflow/training-operator:v1-04f9f13", "manager"),
        images.build_image("docker.io/library/alpine:3.10", HERE / "alpine"),
        images.build_image(PYTORCH, HERE / "mnist"),
    ]


def seldon_images() -> list[pathlib.Path]:
    """Return the archive of Seldon's engine and of the model that its example has: the same image serves both."""
    return [images.build_image(ENGINE, HERE / "engine")]


def prepare() -> None:
    """Make all that tests/real is made of; say before the first time what it costs."""
    if not list(cache().joinpath("images").glob("training-operator-*.tar")):
        print(f"rig: {COST}", file=sys.stderr, flush=True)
    build(binaries.DNS)
    for made in (seldon_images, training_images):
        made()
