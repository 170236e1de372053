"""The examples of docs/commands.md that start a server: each is ready, and a signal ends it with exit code 0."""

import shlex
import shutil
from pathlib import Path

import pytest

from certs import authority
from tests.support.blocks import blocks
from tests.support.paths import ROOT
from tests.support.server import serving

[EXAMPLES] = [block for block in blocks("docs/commands.md") if "kubeflow-openshift serve" in block.text]


@pytest.mark.parametrize("line", EXAMPLES.text.splitlines())
def test_it_starts_and_ends(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ca = authority.authority("ca", ["localhost"], days=1)
    serving_certificate = authority.serving(ca, ["localhost"], days=1)
    (tmp_path / "tls.crt").write_bytes(serving_certificate.certificate_pem())
    (tmp_path / "tls.key").write_bytes(serving_certificate.key_pem())
    shutil.copy(ROOT / "deploy/base/config.yaml", tmp_path / "config.yaml")
    arguments = shlex.split(line.replace("/tls/", f"{tmp_path}/"))[2:]
    with serving(*arguments, environment={"PYTHONPATH": str(ROOT)}) as server:
        assert server.observe("/readyz")[0] == 200
        server.process.terminate()
        assert server.process.wait(60) == 0
