"""What `make release` makes: every file, twice the same bytes, and a sentence for what cannot be released."""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tools import release
from webhook import VERSION
from webhook.manifests import reader

EPOCH = 1_700_000_000
BASE = f"ubi9/python-312-minimal@sha256:{'b' * 64}"
IMAGE = "registry.example/webhook"
FILES = {
    f"kubeflow_openshift-{VERSION}-py3-none-any.whl",
    f"kubeflow_openshift-{VERSION}.tar.gz",
    f"kubeflow-openshift-{VERSION}.tgz",
    f"kubeflow-openshift-{VERSION}.cdx.json",
    "install.yaml",
    "SHA256SUMS",
}
BUILDER = f"""\
#!{sys.executable}
import io, sys, tarfile
with open(__file__ + ".log", "a") as log:
    print(*sys.argv[1:], file=log)
if sys.argv[1] == "push":
    with tarfile.open(sys.argv[-1].removeprefix("oci-archive:"), "w") as tar:
        content = b'{{"manifests": [{{"digest": "sha256:{"d" * 64}"}}]}}'
        entry = tarfile.TarInfo("index.json")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Make a release without an image, with a fixed time."""
    folder = tmp_path_factory.mktemp("release") / "dist"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
        notes = release.release(folder, VERSION)
    return folder, notes


def test_the_page_names_every_file_and_a_policy_for_the_image() -> None:
    page = (ROOT / "docs/release.md").read_text()
    listed = [re.sub(r"^kube.*\.tar\.gz$", ".tar.gz", name) for name in FILES]
    assert all(f"`{name}`" in page for name in (*listed, f"kubeflow-openshift-{VERSION}.oci.tar"))
    [block] = re.findall(r"(?ms)^```yaml\n(.*?)^```", page)
    [policy] = reader.documents(block, "docs/release.md")
    assert (policy.value["apiVersion"], policy.value["kind"]) == ("config.openshift.io/v1", "ClusterImagePolicy")


def test_every_file_is_there_with_its_checksum(made: tuple[Path, list[str]]) -> None:
    folder, notes = made
    assert {file.name for file in folder.iterdir()} == FILES
    sums = (folder / "SHA256SUMS").read_text()
    for name in FILES - {"SHA256SUMS"}:
        assert f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" in sums
    assert notes[0] == "no image: it needs BASE=NAME@sha256:DIGEST and IMAGE=REPOSITORY"


def test_made_again_it_has_the_same_bytes(
    made: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    release.release(tmp_path / "again", VERSION)
    assert (tmp_path / "again/SHA256SUMS").read_text() == (made[0] / "SHA256SUMS").read_text()


def test_the_wheel_is_the_package_of_this_version(made: tuple[Path, list[str]]) -> None:
    [path] = made[0].glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(f"kubeflow_openshift-{VERSION}.dist-info/METADATA").decode()
        package = [entry for entry in wheel.infolist() if ".dist-info/" not in entry.filename]
    assert {entry.external_attr >> 16 & 0o777 for entry in package} == {0o644}
    assert f"\nVersion: {VERSION}\n" in metadata
    assert {"webhook/offline/report.html", "webhook/rules/pod/fs_group.py", "certs/keeper.py"} <= names
    assert {name.partition("/")[0] for name in names} == {"webhook", "certs", f"kubeflow_openshift-{VERSION}.dist-info"}


def test_archives_have_one_time_and_no_owner(made: tuple[Path, list[str]]) -> None:
    for path in (*made[0].glob("*.tgz"), *made[0].glob("*.tar.gz")):
        with tarfile.open(path) as tar:
            assert {(entry.mtime, entry.uid, entry.uname, entry.mode) for entry in tar} == {(EPOCH, 0, "", 0o644)}


def test_the_sdist_has_what_a_wheel_is_built_from(made: tuple[Path, list[str]]) -> None:
    files = release.unpacked(made[0] / f"kubeflow_openshift-{VERSION}.tar.gz")
    for name in ("pyproject.toml", "LICENSE", "webhook/offline/report.html", "certs/keeper.py"):
        assert files[f"kubeflow_openshift-{VERSION}/{name}"] == (ROOT / name).read_bytes()


def test_the_chart_is_the_one_of_this_version(made: tuple[Path, list[str]]) -> None:
    files = release.unpacked(made[0] / f"kubeflow-openshift-{VERSION}.tgz")
    [chart] = reader.documents(files["kubeflow-openshift/Chart.yaml"].decode(), "Chart.yaml")
    assert (chart.value["version"], chart.value["appVersion"]) == (VERSION, VERSION)
    template = (ROOT / "deploy/chart/templates/webhook.yaml").read_bytes()
    assert files["kubeflow-openshift/templates/webhook.yaml"] == template


def test_the_bill_is_that_of_make_sbom(made: tuple[Path, list[str]]) -> None:
    assert re.findall(r"(?m)^\t@\$\(BIN\)/cyclonedx-py (.*)$", (ROOT / "Makefile").read_text()) == [release.SBOM]
    bill = json.loads((made[0] / f"kubeflow-openshift-{VERSION}.cdx.json").read_text())
    assert bill["metadata"]["component"]["version"] == VERSION


def test_without_an_image_the_file_says_how_to_name_one(made: tuple[Path, list[str]]) -> None:
    assert (made[0] / "install.yaml").read_text() == (ROOT / "deploy/install.yaml").read_text()


def test_the_image_is_built_on_its_base_and_named_by_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = tmp_path / "podman"
    builder.write_text(BUILDER)
    builder.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    monkeypatch.setattr(release, "python_package", lambda *_: None)
    assert release.release(tmp_path / "dist", VERSION, BASE, IMAGE) == []
    build, push = (tmp_path / "podman.log").read_text().splitlines()
    assert f"--timestamp={EPOCH} --build-arg=BASE={BASE}" in build
    archive = tmp_path / f"dist/kubeflow-openshift-{VERSION}.oci.tar"
    assert push.endswith(f"oci-archive:{archive}")
    installed = (tmp_path / "dist/install.yaml").read_text()
    assert installed.count(f"image: {IMAGE}@sha256:{'d' * 64}\n") == 1
    assert release.NO_IMAGE not in installed
    assert "does not exist" not in installed
    assert f"  {archive.name}\n" in (tmp_path / "dist/SHA256SUMS").read_text()


def test_a_machine_that_cannot_build_an_image_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    monkeypatch.setattr(release, "python_package", lambda *_: None)
    assert release.release(tmp_path / "dist", VERSION, BASE, IMAGE)[0] == "no image: neither podman nor buildah is here"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([""], f"VERSION: expected {VERSION}, the version in pyproject.toml, got none"),
        (["0.0.9"], f"VERSION: expected {VERSION}, the version in pyproject.toml, got 0.0.9"),
        ([VERSION, BASE, ""], "BASE and IMAGE: expected both or none"),
        ([VERSION, "ubi9:latest", IMAGE], "BASE: expected NAME@sha256:DIGEST, got ubi9:latest"),
    ],
)
def test_what_cannot_be_released_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert release.main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1


def test_make_passes_the_version_on() -> None:
    make = ["make", "--no-print-directory", "-C", str(ROOT), "release", "VERSION=0.0.9", "-o", ".venv/.ready"]
    refused = subprocess.run(make, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "got 0.0.9" in refused.stderr


def test_a_command_that_fails_is_a_sentence() -> None:
    with pytest.raises(release.Refused, match=r"^ls no-such-file: .*No such file"):
        release.output("ls", "no-such-file")


def test_the_same_files_give_the_same_archive(tmp_path: Path) -> None:
    release.pack(tmp_path / "one.tgz", {"b": b"1", "a": b"2"}, EPOCH)
    release.pack(tmp_path / "two.tgz", {"a": b"2", "b": b"1"}, EPOCH)
    assert (tmp_path / "one.tgz").read_bytes() == (tmp_path / "two.tgz").read_bytes()
    assert list(release.unpacked(tmp_path / "one.tgz").items()) == [("a", b"2"), ("b", b"1")]
