"""The image, as far as it can be tried without building it: its content, its environment, its SBOM."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.support.paths import ROOT
from tests.support.server import free_port

TEXT = (ROOT / "Dockerfile").read_text()
# one instruction a line, without comments
INSTRUCTIONS = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", TEXT)).splitlines()
STAGES = [stage.splitlines() for stage in re.split(r"(?m)^(?=FROM )", "\n".join(INSTRUCTIONS))[1:]]
BUILD, FINAL = STAGES
ANY_UID = 1_000_650_000


def arguments(stage: list[str], instruction: str) -> list[str]:
    return [line.removeprefix(f"{instruction} ") for line in stage if line.startswith(f"{instruction} ")]


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """Do what the build stage does, in a temporary folder instead of /opt/webhook and with this Python."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "--user", "true"], check=False).returncode:
        pytest.skip("no user namespaces here, to be somebody else in")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        here = Path(folder, "webhook")
        [command] = arguments(BUILD, "RUN")
        command = command.replace("/opt/webhook", str(here)).replace("/build", str(ROOT))
        # the test keeps its downloads: CI needs the same ones every time
        command = command.replace("python3 -m venv", f"{sys.executable} -m venv").replace("--no-cache-dir", "--quiet")
        subprocess.run(["sh", "-ec", command], check=True, timeout=200, capture_output=True)
        for source, target in (copy.split() for copy in arguments(BUILD, "COPY")):
            if target != "/build/":
                to = target.replace("/opt/webhook", str(here))
                shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
        yield here


def environment(built: Path) -> dict[str, str]:
    """Return what ENV says, and nothing of this process."""
    [line] = arguments(FINAL, "ENV")
    pairs = [pair.partition("=") for pair in line.split()]
    return {name: value.replace("/opt/webhook", str(built)).replace("$PATH", "/usr/bin") for name, _, value in pairs}


def run(built: Path, *command: str) -> subprocess.Popen[str]:
    """Start a command as OpenShift would: a UID that has no name here, group 0, no capability, in the root folder."""
    somebody = ["unshare", "--user", f"--map-user={ANY_UID}", "--map-group=0"]
    command = (*somebody, str(built / "bin" / command[0]), *command[1:])
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment(built), cwd="/", stdout=pipe, stderr=pipe, text=True)


def test_both_stages_are_on_one_base_that_must_be_named() -> None:
    assert INSTRUCTIONS[0] == "ARG BASE"
    assert [stage[0] for stage in STAGES] == ["FROM ${BASE} AS build", "FROM ${BASE}"]
    make = ["make", "--no-print-directory", "-C", str(ROOT), "image", "BASE=name:latest"]
    refused = subprocess.run(make, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert refused.stdout == (
        "expected BASE=NAME@sha256:DIGEST, Red Hat's ubi9/python-312-minimal; skopeo inspect prints its digest\n"
    )


def test_what_is_copied_is_there_and_let_through() -> None:
    sources = [copy.split()[0] for copy in arguments(BUILD, "COPY")]
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignore[0] == "*"
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignore


def test_only_what_was_built_is_in_the_final_stage() -> None:
    assert arguments(FINAL, "COPY") == ["--from=build --chown=1001:0 /opt/webhook /opt/webhook"]
    assert not re.search(r"pip install|dnf|yum|gcc|rpm -i", "\n".join(FINAL))
    assert arguments(FINAL, "USER")[-1] == "1001"
    assert "--require-hashes" in arguments(BUILD, "RUN")[0]


def test_the_pip_of_the_base_goes_and_nothing_else(tmp_path: Path) -> None:
    gone = [
        "usr/bin/pip3.12",
        "opt/app-root/bin/pip",
        "usr/lib/python3.12/site-packages/pip/__init__.py",
        "usr/lib/python3.12/site-packages/pip-23.2.1.dist-info/METADATA",
        "usr/share/python3.12-wheels/pip-23.2.1-py3-none-any.whl",
    ]
    stays = ["usr/bin/python3.12", "usr/lib/python3.12/pipes.py", "usr/lib/python3.12/site-packages/pipe/__init__.py"]
    for name in gone + stays:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    [command] = arguments(FINAL, "RUN")
    subprocess.run(["sh", "-ec", command.replace("find / ", f"find {tmp_path} ")], check=True)
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()} == set(stays)


def test_what_is_built_serves_under_any_uid_with_group_0(built: Path) -> None:
    [entrypoint] = arguments(FINAL, "ENTRYPOINT")
    [command] = arguments(FINAL, "CMD")
    ports = ["--port", str(free_port()), "--observe-port", str(free_port()), "--host", "127.0.0.1"]
    server = run(built, *json.loads(entrypoint), *json.loads(command), *ports)
    assert server.stdout
    try:
        assert json.loads(server.stdout.readline()) == {"event": "listening", "port": int(ports[1])}
    finally:
        server.terminate()
        server.communicate(timeout=60)
    assert not list(built.rglob("__pycache__"))


def test_the_keeper_is_in_it(built: Path) -> None:
    said, problem = run(built, "python3", "-m", "certs", "show").communicate(timeout=60)
    assert (said, problem.count("\n")) == ("", 1)
    assert problem.startswith("no cluster credentials: ")


def test_group_0_may_read_all_that_is_built(built: Path) -> None:
    for path in built.rglob("*"):
        wanted = 0o050 if path.is_dir() else 0o040
        assert path.is_symlink() or path.stat().st_mode & wanted == wanted, path


def test_what_is_built_has_no_pip(built: Path) -> None:
    assert not list(built.glob("bin/pip*"))
    assert not list(built.glob("lib/*/site-packages/pip*"))


IMPORT_ALL = """
import importlib, importlib.metadata, json, pkgutil, sys
for name in ("webhook", "certs"):
    for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
loaded = {name.partition(".")[0] for name in sys.modules}
unused = []
for each in importlib.metadata.distributions():
    files = [file for file in each.files if file.suffix in (".py", ".so") and ".." not in file.parts]
    if not loaded & {file.parts[0].partition(".")[0] for file in files}:
        unused.append(each.name)
print(json.dumps([sorted(unused), "kubernetes.aio" in sys.modules]))
"""


def test_every_package_that_is_built_in_is_used(built: Path) -> None:
    said, problem = run(built, "python3", "-c", IMPORT_ALL).communicate(timeout=120)
    assert problem == ""
    assert json.loads(said) == [[], False]


def test_what_is_built_is_small(built: Path) -> None:
    size = sum(path.stat().st_size for path in built.rglob("*") if path.is_file() and not path.is_symlink())
    assert size < 100_000_000


@pytest.fixture(scope="module")
def printed() -> str:
    """Run what `make sbom` runs."""
    (command,) = re.findall(r"(?m)^sbom: .*\n\t@\$\(BIN\)/cyclonedx-py (.*)$", (ROOT / "Makefile").read_text())
    words = [sys.executable, "-m", "cyclonedx_py", *command.split()]
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def test_the_bill_is_what_cyclonedx_says_it_should_be(printed: str) -> None:
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(printed)
    assert wrong is None, wrong


def test_the_bill_has_every_locked_package_and_hash(printed: str) -> None:
    lock = (ROOT / "requirements.lock").read_text()
    components = json.loads(printed)["components"]
    hashes = [each["content"] for one in components for each in one["externalReferences"][0]["hashes"]]
    assert {f"{each['name']}=={each['version']}" for each in components} == set(re.findall(r"(?m)^\S+==\S+", lock))
    assert sorted(hashes) == sorted(re.findall(r"--hash=sha256:(\S+)", lock))
