"""Upstream's own controllers, from Go modules, as images under the names that upstream's manifests use."""

import pathlib
import shutil
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
TRAINER_DEFAULT: Final = "docker.io/pytorch/pytorch:2.7.1-cuda12.8-cudnn9-runtime"
"""And once more, under the name of Trainer's default runtime."""
ENGINE: Final = "docker.io/seldonio/engine:0.4.1"
CLASSIFIER: Final = "docker.io/seldonio/mock_classifier:1.0"
COST: Final = (
    "the first build of upstream's controllers takes about 10 minutes on two idle cores, an hour on busy ones, "
    "1.3 GB of disk for what is kept and some 5 GB in Go's own caches"
)
ARGO: Final = "github.com/argoproj/argo-workflows/v4"
SIGNALS: Final = "workflow/executor/osspecific/signal_{}.go"
TRAINING: Final = Module(
    HERE / "training", {"training-operator": "github.com/kubeflow/training-operator/cmd/training-operator.v1"}
)
TRAINING_MANIFESTS: Final = ("github.com/kubeflow/training-operator", "manifests/overlays/kubeflow")
CERT_MANAGER: Final = "github.com/cert-manager/cert-manager"
CERTIFICATES: Final = Module(
    HERE / "certmanager", {name: f"{CERT_MANAGER}/cmd/{name}" for name in ("controller", "cainjector", "webhook")}
)
JOBSET: Final = Module(HERE / "jobset", {"jobset": "sigs.k8s.io/jobset"})
TRAINER: Final = Module(HERE / "trainer", {"trainer": "github.com/kubeflow/trainer/v2/cmd/trainer-controller-manager"})
RAY: Final = "github.com/ray-project/kuberay/ray-operator"
KUBERAY: Final = Module(HERE / "kuberay", {"kuberay": RAY})
SERVING: Final = "knative.dev/serving"
KNATIVE: Final = Module(
    HERE / "knative",
    {name: f"{SERVING}/cmd/{name}" for name in ("controller", "autoscaler", "activator", "webhook", "queue")},
)
KNATIVE_PREFIX: Final = "dev.local/"
"""Knative looks up no digest for images of this name."""
KNATIVE_USER: Final = f"{KNATIVE_PREFIX}python:rig"
S3: Final = Module(HERE / "gofakes3", {"gofakes3": "github.com/johannesboyne/gofakes3/cmd/gofakes3"})


def argo() -> Module:
    """Return the module of Argo Workflows, with its sources beside it: one file differs from the module's.

    signal_linux.go is a symbolic link to signal_darwin.go, and module archives leave links out.
    """
    folder = cache().absolute() / f"argo-{images.content(HERE / 'argo', ['go.sum']).hex()[:12]}"
    folder.joinpath("module").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HERE / "argo/go.sum", folder / "module/go.sum")
    required = HERE.joinpath("argo/go.mod").read_text()
    folder.joinpath("module/go.mod").write_text(f"{required}\nreplace {ARGO} => ../source\n")
    if not folder.joinpath("source", SIGNALS.format("linux")).exists():
        source = source_of(Module(HERE / "argo", {}), ARGO)
        shutil.rmtree(folder / "source", ignore_errors=True)
        shutil.copytree(source, folder / "source", copy_function=shutil.copyfile)
        shutil.copyfile(source / SIGNALS.format("darwin"), folder / "source" / SIGNALS.format("linux"))
    return Module(folder / "module", {name: f"{ARGO}/cmd/{name}" for name in ("workflow-controller", "argoexec")})


def source_of(module: Module, name: str) -> pathlib.Path:
    """Return the folder of a module that another one requires, with upstream's manifests in it."""
    for command in (["mod", "download", name], ["list", "-m", "-f", "{{.Dir}}", name]):
        done = module.go(*command)  # `list` names no folder before the first download
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
                config = {"Entrypoint": [f"/{at}"], "User": "65532", "WorkingDir": f"/{at.rpartition('/')[0]}"}
                images.archive(layer, name, archive, config)
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


def trainer_images() -> list[pathlib.Path]:
    """Return the archives of JobSet, of Trainer, and of the image with the directories of its default runtime."""
    return [
        image(JOBSET, "jobset", "us-central1-docker.pkg.dev/k8s-staging-images/jobset/jobset:main", "manager"),
        image(TRAINER, "trainer", "ghcr.io/kubeflow/trainer/trainer-controller-manager:v2.0.0", "manager"),
        images.build_image(PYTORCH, HERE / "mnist"),
    ]


def ray_images() -> list[pathlib.Path]:
    """Return the archives of KubeRay's operator and of Ray."""
    return [
        image(KUBERAY, "kuberay", "quay.io/kuberay/operator:v1.5.0", "manager"),
        images.build_image("docker.io/rayproject/ray:2.46.0", HERE / "ray"),
    ]


def knative_images() -> list[pathlib.Path]:
    """Return the archives of Knative Serving's programs."""
    return [image(KNATIVE, name, f"{KNATIVE_PREFIX}{name}:rig", f"ko-app/{name}") for name in KNATIVE.packages]


def argo_images() -> list[pathlib.Path]:
    """Return the archives of Argo's controller and executor, as 26.03 names them, and of an S3."""
    module = argo()
    return [
        *(image(module, name, f"quay.io/argoproj/{name}:v3.7.3", f"bin/{name}") for name in module.packages),
        image(S3, "gofakes3", "localhost/gofakes3:rig", "bin/gofakes3"),
    ]


def cert_manager_images() -> list[pathlib.Path]:
    """Return the archives of cert-manager's three programs, as 26.03 names them."""
    names = [(name, f"quay.io/jetstack/cert-manager-{name}:v1.19.4") for name in CERTIFICATES.packages]
    return [image(CERTIFICATES, program, name, f"bin/{program}") for program, name in names]


def seldon_images() -> list[pathlib.Path]:
    """Return the archive of Seldon's engine and of the model that its example has: the same image serves both."""
    return [images.build_image(ENGINE, HERE / "engine")]


def prepare() -> None:
    """Make all that tests/real is made of; say before the first time what it costs."""
    if not list(cache().joinpath("images").glob("workflow-controller-*.tar")):
        print(f"rig: {COST}", file=sys.stderr, flush=True)
    build(binaries.DNS)
    for made in (
        seldon_images,
        cert_manager_images,
        training_images,
        trainer_images,
        ray_images,
        knative_images,
        argo_images,
    ):
        made()
