"""Invalid input: every command says where, in one line, and writes nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from webhook.cli import main as cli
from webhook.manifests import parser

BROKEN = {
    "unclosed": (b"a: [\n", 2),
    "in the second document": (b"a: 1\n---\nb: {\n", 4),
    "tab": (b"a:\n\t- b\n", 2),
    "key twice": (b"a: 1\nb:\n  c: 1\n  c: 2\n", 4),
    "key twice in JSON": (b'{"a": 1,\n "a": 2}', 2),
    "alias of nothing": (b"\na: *b\n", 2),
    "anchor in itself": (b"a: &a [*a]\n", 1),
    "bomb of aliases": (b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % (name - 1)] * 10)) for name in b"bcdefgh"), 1),
    "python object": (b"a: !!python/object/apply:os.system [x]\n", 1),
    "no such tag": (b"a: !secret x\n", 1),
    "no truth value": (b"\na: !!bool perhaps\n", 2),
    "no date": (b"\na: !!timestamp yesterday\n", 2),
    "no integer": (b"\na: !!int ''\n", 2),
    "no float": (b"\na: !!float ''\n", 2),
    "binary": (b"\na: !!binary aGk=\n", 2),
    "not a number": (b"\na: .nan\n", 2),
    "infinity": (b"\na: -.inf\n", 2),
    "key no text": (b"\n? [a]\n: b\n", 2),
    "not UTF-8": (b"a: 1\n\xff\n", 2),
    "UTF-16": ("a: 1\n".encode("utf-16"), 1),
    "half a character in JSON": (b'{"a": 1,\n "b": "\\ud800"}', 2),
    "NUL": (b"a: 1\nb: \0\n", 2),
    "integer of 5,000 digits": (b"\na: " + b"9" * 5000, 2),
}  # fmt: skip

FOREIGN = "apiVersion: v1\nkind: Pod\nspec: {securityContext: {fsGroup: 100}, containers: [{name: main}]}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a manifest that a rule would change, before the one that is broken."""
    (tmp_path / "a.yaml").write_text(FOREIGN)
    return tmp_path


@pytest.mark.parametrize(("content", "line"), BROKEN.values(), ids=BROKEN)
def test_broken_input_is_named_by_file_and_line_and_nothing_is_written(
    content: bytes, line: int, folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parser, "MOST_NODES", 20_000)  # the bomb needs no more, and no second
    (folder / "b.yaml").write_bytes(content)
    for how in ([], ["--in-place"], ["--diff"], ["--output-dir", str(folder / "out")]):
        code = cli.main(["fix", *how, str(folder)])
        out, err = capfd.readouterr()
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"{folder / 'b.yaml'}:{line}: ")
        assert len(err) < 500
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
            "a.yaml": FOREIGN.encode(),
            "b.yaml": content,
        }


NESTED = {
    "open brackets": "[" * 100_000,
    "brackets": "a: " + "[" * 100_000 + "]" * 100_000,
    "braces": "{a: " * 100_000,
    "dashes": "- " * 100_000,
    "JSON": '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
}


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
@pytest.mark.parametrize("command", ["fix", "review"])
def test_input_nested_without_end_is_refused_and_crashes_nothing(command: str, text: str, folder: Path) -> None:
    path = folder / "b.yaml"
    path.write_text(text)
    words = [sys.executable, "-m", "webhook", command, str(path)]  # a process of its own: what may crash is C
    ended = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1), ended.stderr[-500:]
    assert ended.stderr.startswith(f"{path}:")
