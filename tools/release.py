"""Make dist/, the files of a release. `make release VERSION=0.2.0`; docs/release.md has the steps around it.

The same commit gives the same bytes: every file has the time of the commit, or SOURCE_DATE_EPOCH if that is set.
"""

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.paths import ROOT

NAME: Final = "kubeflow-openshift"
SOURCES: Final = ("pyproject.toml", "README.md", "LICENSE", "webhook", "certs")
"""What the Python package is built from."""
BACKEND: Final = "setuptools==80.9.0 --hash=sha256:062d34222ad13e0cc312a4c02d73f059e86a4acbfbdea8f8f76b28c99f306922"
BUILD: Final = """
import sys
from setuptools import build_meta
folder = sys.argv[1]  # the builds change sys.argv
build_meta.build_sdist(folder)
build_meta.build_wheel(folder)
"""
SBOM: Final = "requirements --pyproject pyproject.toml --spec-version 1.6 --output-reproducible requirements.lock"
NO_IMAGE: Final = f"{NAME}@sha256:{'0' * 64}"
"""The image in deploy/install.yaml, which does not exist."""


class Refused(Exception):
    """Nothing can be released as it is; the message says what to change."""


def main(arguments: Sequence[str]) -> int:
    """Make the release that the arguments name: its version, the image's base, and where the image will be."""
    version, base, image = (*arguments, "", "", "")[:3]
    try:
        refuse(version, base, image)
        changed = output("git", "status", "--porcelain")
        notes = release(ROOT / "dist", version, base, image)
    except Refused as why:
        sys.stderr.write(f"{why}\n")
        return 1
    for file in sorted((ROOT / "dist").iterdir()):
        print(f"dist/{file.name}  {file.stat().st_size:,} bytes")
    notes += ["uncommitted changes are in these files, too"] if changed else []
    print("".join(f"{note}\n" for note in notes), end="")
    return 0


def refuse(version: str, base: str, image: str) -> None:
    """Raise Refused if the version is not that of the project, or if the image is named by half."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    if version != project:
        raise Refused(
            f"VERSION: expected {project}, the version in pyproject.toml, got {version or 'none'}; "
            f"for another version change it there, then: make update"
        )
    if f"\n## [{version}]" not in (ROOT / "CHANGELOG.md").read_text():
        raise Refused(f"CHANGELOG.md: expected a section [{version}], got none")
    if bool(base) != bool(image):
        raise Refused("BASE and IMAGE: expected both or none; the image is built on BASE and pushed to IMAGE")
    if base and not re.search(r"@sha256:[0-9a-f]{64}$", base):
        raise Refused(f"BASE: expected NAME@sha256:DIGEST, got {base}")


def release(dist: Path, version: str, base: str = "", image: str = "") -> list[str]:
    """Write all files of a release into a new folder; return what the maintainer must know about them."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or output("git", "log", "-1", "--format=%ct"))
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    python_package(dist, epoch)
    chart = ROOT / "deploy/chart"
    files = {f"{NAME}/{path.relative_to(chart)}": path.read_bytes() for path in chart.rglob("*") if path.is_file()}
    pack(dist / f"{NAME}-{version}.tgz", files, epoch)
    dist.joinpath(f"{NAME}-{version}.cdx.json").write_text(output(sys.executable, "-m", "cyclonedx_py", *SBOM.split()))
    named, notes = NO_IMAGE, []
    builder = shutil.which("podman") or shutil.which("buildah")
    if base and builder:
        named = f"{image}@{build_image(builder, base, dist / f'{NAME}-{version}.oci.tar', epoch)}"
    else:
        why = "neither podman nor buildah is here" if base else "it needs BASE=NAME@sha256:DIGEST and IMAGE=REPOSITORY"
        notes = [f"no image: {why}", "install.yaml names no image that exists; its first lines say how to name one"]
    dist.joinpath("install.yaml").write_text(install(version, named))
    sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(dist.iterdir())}
    dist.joinpath("SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in sums.items()))
    return notes


def python_package(dist: Path, epoch: int) -> None:
    """Build wheel and sdist, from a copy of the sources with usual modes and by a locked setuptools."""
    with tempfile.TemporaryDirectory() as folder:
        source, python = Path(folder, "source"), Path(folder, "venv/bin/python")
        for path in (found for name in SOURCES for found in (ROOT / name, *(ROOT / name).rglob("*"))):
            if path.is_file() and "__pycache__" not in path.parts:
                copy = source / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
                copy.chmod(0o644)
        locked = Path(folder, "requirements.txt")
        locked.write_text(BACKEND)
        output(sys.executable, "-m", "venv", folder + "/venv")
        output(python, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", locked)
        output(python, "-c", BUILD, dist, cwd=source, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}, umask=0o022)
    [sdist] = dist.glob("*.tar.gz")
    pack(sdist, unpacked(sdist), epoch)


def build_image(builder: str, base: str, file: Path, epoch: int) -> str:
    """Build the image into an archive and return its digest, by which it is pushed, signed and installed."""
    tag = f"{NAME}:release"
    output(builder, "build", "--quiet", f"--timestamp={epoch}", f"--build-arg=BASE={base}", f"--tag={tag}", ROOT)
    output(builder, "push", "--quiet", tag, f"oci-archive:{file}")
    layout = unpacked(file)
    pack(file, layout, epoch)
    digest: str = json.loads(layout["index.json"])["manifests"][0]["digest"]
    return digest


def install(version: str, image: str) -> str:
    """Return install.yaml for an image; as it is in deploy/ if that image does not exist."""
    text = ROOT.joinpath("deploy/install.yaml").read_text()
    if image == NO_IMAGE:
        return text
    objects = text[text.index("apiVersion:") :].replace(NO_IMAGE, image)
    return f"# {NAME} {version} for OpenShift: oc apply -f install.yaml\n{objects}"


def unpacked(archive: Path) -> dict[str, bytes]:
    """Return the content of each file in a tar archive."""
    with tarfile.open(archive) as tar:
        return {each.name: file.read() for each in tar if (file := tar.extractfile(each))}


def pack(archive: Path, files: Mapping[str, bytes], epoch: int) -> None:
    """Write a tar archive of files, compressed unless its name ends with .tar: of the same files the same bytes."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(files[name]), epoch, 0o644
            tar.addfile(entry, io.BytesIO(files[name]))
    content = written.getvalue()
    archive.write_bytes(content if archive.suffix == ".tar" else gzip.compress(content, mtime=epoch))


def output(*command: str | Path, **options: Any) -> str:
    """Run a command and return what it prints; Refused, with what it said, if it fails."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, capture_output=True, text=True, check=False, **{"cwd": ROOT, **options}
    )
    if done.returncode:
        raise Refused(f"{' '.join(map(str, command[:3]))}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
