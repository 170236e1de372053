"""A kubeconfig that cannot be used is one line."""

from pathlib import Path

import pytest

from certs.api import Api, NotDone


@pytest.mark.parametrize("content", [b"{", b"[1]", b"text", b"\xff", b""])
def test_a_kubeconfig_that_is_none_is_a_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "kubeconfig").write_bytes(content)
    for path in (tmp_path / "kubeconfig", tmp_path):
        with pytest.raises(NotDone, match=r"^no cluster credentials: [^\n]*$"):
            Api("test", path)
