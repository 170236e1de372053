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
PATH: Final = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
COST: Final = (
    "all of them take about 25 minutes on two cores, more on busy ones, and 3.5 GB of disk for what is kept; "
    "Go's own caches grow to some 21 GB, the rig's part included"
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
KATIB: Final = "github.com/kubeflow/katib"
KATIBS: Final = Module(
    HERE / "katib",
    {
        "katib-controller": f"{KATIB}/cmd/katib-controller/v1beta1",
        "katib-db-manager": f"{KATIB}/cmd/db-manager/v1beta1",
        "file-metrics-collector": f"{KATIB}/cmd/metricscollector/v1beta1/file-metricscollector",
        "suggestion-goptuna": f"{KATIB}/cmd/suggestion/goptuna/v1beta1",
    },
)
MARIADB: Final = (
    "mmdebstrap",
    "--quiet",
    "--format=tar",
    "--variant=minbase",
    "--include=mariadb-server",
    "--skip=cleanup/run",  # or /run/mysqld is lost
    '--customize-hook=mkdir -p "$1/run/mysqld" && chmod 1777 "$1/run/mysqld"',
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
    config = {"Entrypoint": [f"/{at}"], "User": "65532", "WorkingDir": f"/{at.rpartition('/')[0]}"}
    with images.kept(binary, repr((name, config, file.parent.parent.name)).encode()) as (archive, is_new):
        if is_new:
            with tempfile.TemporaryDirectory() as folder:
                layer = pathlib.Path(folder, "layer.tar")
                with tarfile.open(layer, "w") as tar:
                    tar.addfile(scratch())
                    tar.add(file, at)
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


def katib_images() -> list[pathlib.Path]:
    """Return the archives of Katib's programs as 26.03 names them, of its database and of its example."""
    of = "ghcr.io/kubeflow/katib"
    programs = [image(KATIBS, name, f"{of}/{name}:v0.19.0", f"app/{name}") for name in KATIBS.packages]
    return [*programs, mariadb(), images.build_image(f"{of}/pytorch-mnist-cpu:v0.19.0", HERE / "trial")]


def mariadb() -> pathlib.Path:
    """Return the archive of Debian's MariaDB, under the name of the MySQL that Katib uses."""
    name, entry = "docker.io/library/mysql:8.0.29", HERE / "mariadb/docker-entrypoint.sh"
    with images.kept("mariadb", repr(MARIADB).encode() + images.content(HERE / "mariadb", ["."])) as (file, is_new):
        if is_new:
            with tempfile.TemporaryDirectory() as folder:
                layer = pathlib.Path(folder, "layer.tar")
                images.run([*MARIADB, f"--customize-hook=copy-in {entry} /usr/local/bin", "bookworm", str(layer)])
                images.archive(layer, name, file, {"Entrypoint": ["docker-entrypoint.sh"], "Env": [PATH]})
    return images.final(file)


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


STEPS: Final = {
    "engine-0.4.1": seldon_images,
    "cainjector": cert_manager_images,
    "training-operator": training_images,
    "trainer": trainer_images,
    "ray-2.46.0": ray_images,
    "katib-controller": katib_images,
    "activator": knative_images,
    "argoexec": argo_images,
}
"""What makes the images of each controller, by the name of the archive of one of them."""


def say_cost() -> None:
    """Print what the steps cost that are to be built, if there are any."""
    folder = cache() / "images"
    absent = [name for name in STEPS if not list(folder.glob(f"{name}-{'?' * 12}.tar"))]
    if absent:
        print(f"rig: {len(absent)} of {len(STEPS)} steps are to be built: {COST}", file=sys.stderr, flush=True)


def prepare() -> None:
    """Make all that tests/real is made of, and say where it is."""
    build(binaries.DNS)
    for number, (name, make) in enumerate(STEPS.items(), 1):
        print(f"rig: step {number} of {len(STEPS)}: {name}", file=sys.stderr, flush=True)
        make()
