"""Make images without a registry: archives as `docker save` writes them, kept in the rig's cache."""

import contextlib
import hashlib
import io
import json
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.rig.build import cache, locked, timed

PYTHON: Final = "localhost/python:rig"
"""Debian 12 with its Python 3.11, where production has UBI 9 with 3.12."""
NOTEBOOK: Final = "localhost/notebook-servers/jupyter:rig"
"""JupyterLab with upstream's user and home; the name is one that the rule writable-directory knows."""
DEBIAN: Final = (
    "mmdebstrap",
    "--quiet",
    "--format=tar",
    "--variant=minbase",
    "--include=python3,python3-venv,procps,netcat-openbsd",
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("man", "doc", "locale")),
    "bookworm",
)
BASE_CONFIG: Final = {"Cmd": ["python3"], "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]}
PROJECT: Final = pathlib.Path(__file__).resolve().parents[3]
TRUST: Final = (pathlib.Path("/etc/ssl/certs"), pathlib.Path("/etc/pip.conf"))
"""How this machine's pip finds packages: there during a build, and not in the image."""


def archive(layer: pathlib.Path, name: str, file: pathlib.Path, config: Mapping[str, Any]) -> None:
    """Write an image archive of one layer, a tar file; `config` is as in an image's configuration."""
    digest = hashlib.sha256(layer.read_bytes()).hexdigest()
    architecture = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout
    described = {
        "architecture": architecture.strip(),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": [layer.name]}]
    with tarfile.open(file, "w") as tar:
        for path, content in (("manifest.json", manifest), ("config.json", described)):
            text = json.dumps(content).encode()
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
        tar.add(layer, layer.name)


def base() -> pathlib.Path:
    """Return the archive of Debian with Python, PYTHON; make it if it is not kept."""
    with kept("python", repr((DEBIAN, BASE_CONFIG)).encode()) as (file, is_new):
        if is_new:
            with tempfile.TemporaryDirectory() as folder:
                layer = pathlib.Path(folder, "layer.tar")
                run([*DEBIAN, str(layer)])
                archive(layer, PYTHON, file, BASE_CONFIG)
    return final(file)


def project() -> pathlib.Path:
    """Return the archive of the project's own image, localhost/kubeflow-openshift:rig, from its own Dockerfile."""
    sources = ("Dockerfile", ".dockerignore", "requirements.lock", "webhook", "certs")
    return build_image("localhost/kubeflow-openshift:rig", PROJECT, sources)


def notebook() -> pathlib.Path:
    """Return the archive of NOTEBOOK, a notebook server."""
    return build_image(NOTEBOOK, pathlib.Path(__file__).resolve().parent / "notebook")


def build_image(name: str, context: pathlib.Path, sources: Sequence[str] = (".",)) -> pathlib.Path:
    """Return the archive of the image that a folder's Dockerfile makes on `base()`; make it if it is not kept.

    `sources` are the files and folders that it is made of.
    """
    on = base()
    with kept(name.rpartition("/")[2].replace(":", "-"), on.name.encode() + content(context, sources)) as (
        file,
        is_new,
    ):
        if is_new:
            buildah(name, context, on, file)
    return final(file)


def buildah(name: str, context: pathlib.Path, on: pathlib.Path, file: pathlib.Path) -> None:
    """Build a Dockerfile; times are not recorded, so that the same files give the same layers."""
    with tempfile.TemporaryDirectory() as folder:
        ours = ["buildah", f"--root={folder}/storage", f"--runroot={folder}/run"]
        volumes = [f"--volume={path}:{path}:ro" for path in TRUST if path.exists()]
        options = ["--quiet", "--isolation=chroot", "--timestamp=0", *volumes, f"--build-arg=BASE=docker-archive:{on}"]
        run([*ours, "bud", *options, "--tag=image", str(context)])
        run([*ours, "push", "--quiet", "image", f"docker-archive:{file}:{name}"])


def layers(file: pathlib.Path) -> list[str]:
    """Return the digests of an archive's layers, uncompressed, the lowest first."""
    with tarfile.open(file) as tar:
        manifest = json.load(tar.extractfile("manifest.json") or io.BytesIO())
        config = json.load(tar.extractfile(manifest[0]["Config"]) or io.BytesIO())
    digests: list[str] = config["rootfs"]["diff_ids"]
    return digests


def content(folder: pathlib.Path, sources: Sequence[str]) -> bytes:
    """Return a hash of files, by path and content."""
    digest = hashlib.sha256()
    found = [path for source in sources for path in (folder / source, *(folder / source).rglob("*"))]
    for path in sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts):
        digest.update(f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.digest()


@contextlib.contextmanager
def kept(name: str, inputs: bytes) -> Iterator[tuple[pathlib.Path, bool]]:
    """Yield where to write an archive, and whether it is to be written: one process at a time makes it."""
    folder = cache() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{hashlib.sha256(inputs).hexdigest()[:12]}.tar"
    partial = file.with_suffix(".partial")
    with locked(folder / f"{name}.lock"):
        if file.exists():
            yield partial, False
            return
        partial.unlink(missing_ok=True)
        with timed(f"making the image {name}"):
            yield partial, True
        partial.replace(file)
        for old in sorted(folder.glob(f"{name}-{'?' * 12}.tar"), key=lambda path: path.stat().st_mtime)[:-3]:
            old.unlink()


def final(partial: pathlib.Path) -> pathlib.Path:
    return partial.with_suffix(".tar")


def run(command: Sequence[str]) -> None:
    """Run a command, and tell what it said if it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise RuntimeError(f"{shutil.which(command[0]) or command[0]} failed: {said}")
