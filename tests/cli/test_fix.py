"""`fix`: manifests as the webhook would leave them, and not a byte else."""

import io
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from webhook.cli import main as cli

TEMPLATE = """\
# {name}
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {name}}}   # its name
spec:
  template:
    spec:
      # the pod's
      securityContext:
        fsGroup: {group}  # of the notebook controller
        runAsNonRoot: true
      containers: [{{name: main}}]
"""
FOREIGN = TEMPLATE.format(name="web", group=100)
FIXED = FOREIGN.replace("        fsGroup: 100  # of the notebook controller\n", "")
FINE = TEMPLATE.format(name="web", group=1_000_650_000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(FOREIGN)
    return path


def printed(capfd: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> str:
    """Run `fix`, which must say nothing on stderr, and return what it prints."""
    assert cli.main(["fix", *map(str, arguments)]) == code
    out, err = capfd.readouterr()
    assert err == ""
    return out


def refusal(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Run `fix`, which must refuse with exit code 2 and one line on stderr, and return that line."""
    code = cli.main(["fix", *map(str, arguments)])
    out, err = capfd.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1), err
    return err


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return every file in a folder by name: its inode and time show whether it was written again."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes())
        for path in found
    }


def test_what_a_rule_changes_is_gone_and_every_comment_stays(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert printed(capfd, file) == FIXED
    assert file.read_text() == FOREIGN


def test_standard_input_is_read(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FOREIGN.encode())))
    assert printed(capfd, "-") == FIXED


def test_what_nothing_is_to_change_of_leaves_byte_for_byte(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    odd = f"\ufeff# ü\n\n\n{FINE}...\n---\n\n--- # again\n{{ a : 'b',\n c: [ ] }}\n---\na:   1   \n"
    for text in (FINE, odd, "", "\n", "# only a comment", "---\n", "a: b", '{"a": "\\ud83d\\ude00"}'):
        file.write_text(text)
        assert printed(capfd, file) == text
        assert printed(capfd, "--diff", file) == ""


def test_windows_line_ends_stay(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(FOREIGN.replace("\n", "\r\n").encode())
    assert cli.main(["fix", "--in-place", str(file)]) == 0
    assert file.read_bytes() == FIXED.replace("\n", "\r\n").encode()
    assert capfd.readouterr() == ("files changed: 1 of 1; fields changed: 1\n", "")


def test_every_document_of_a_stream_is_fixed(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file.write_text(f"{FOREIGN}---\n{FINE}---\n{FOREIGN}")
    assert printed(capfd, file) == f"{FIXED}---\n{FINE}---\n{FIXED}"


def test_several_files_are_one_stream(file: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "second.yaml").write_text(f"---\n{FOREIGN}")
    (tmp_path / "third.yaml").write_text(FOREIGN)
    out = printed(capfd, file, tmp_path / "second.yaml", tmp_path / "third.yaml")
    assert out == f"{FIXED}---\n{FIXED}---\n{FIXED}"


def test_a_folder_is_read_recursively_and_sorted(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yml", "a/b/c.json", "README.md", "a/x.yaml.bak"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps({"name": name}) + "\n")
    assert printed(capfd, tmp_path).split("---\n") == [
        f'{{"name": "{name}"}}\n' for name in ("a/b/c.json", "a/z.yml", "b.yaml")
    ]


@pytest.mark.parametrize("kind", ["List", "StatefulSetList"])
def test_every_item_of_a_list_is_fixed(kind: str, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    items = "".join("- " + text.replace("\n", "\n  ").rstrip(" ") for text in (FOREIGN, FINE, FOREIGN))
    file.write_text(f"apiVersion: v1\nkind: {kind}\nitems:\n{items}- null\n- text\n")
    expected = file.read_text().replace("          fsGroup: 100  # of the notebook controller\n", "")
    assert expected != file.read_text()
    assert printed(capfd, file) == expected


def test_json_stays_json(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spec = {"securityContext": {"fsGroup": 100, "fsGroupChangePolicy": "Always"}, "note": "🚀 \\ / \t"}
    obj = {"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"template": {"spec": spec}}}
    for indent, ascii_only in ((None, True), (2, True), ("\t", False)):
        file.write_text(json.dumps(obj, indent=indent, ensure_ascii=ascii_only) + "\n")
        fixed = json.loads(printed(capfd, file))
        assert fixed["spec"]["template"]["spec"] == {**spec, "securityContext": {"fsGroupChangePolicy": "Always"}}


def test_diff_prints_what_changes_and_exits_with_1(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = state(file.parent)
    out = printed(capfd, "--diff", file, code=1)
    changed = [line for line in out.splitlines() if line[:1] in "+-" and not line.startswith(("+++", "---"))]
    assert changed == ["-        fsGroup: 100  # of the notebook controller"]
    assert out.startswith(f"--- {file}\n+++ {file}\n")
    assert state(file.parent) == before


def test_a_diff_can_be_applied(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file.write_text(FOREIGN.rstrip("\n"))
    out = printed(capfd, "--diff", file, code=1)
    subprocess.run(["patch", "--silent", str(file)], input=out, text=True, check=True)
    assert file.read_text() == FIXED.rstrip("\n")


def test_in_place_rewrites_the_files_that_change_and_no_other(capfd: pytest.CaptureFixture[str], file: Path) -> None:
    (file.parent / "fine.yaml").write_text(FINE)
    file.chmod(0o640)
    before = state(file.parent)
    assert printed(capfd, "--in-place", file.parent) == "files changed: 1 of 2; fields changed: 1\n"
    after = state(file.parent)
    assert after["fine.yaml"] == before["fine.yaml"]
    assert after["web.yaml"][2] == FIXED.encode()
    assert after["web.yaml"][0] != before["web.yaml"][0], "another file took its place, so no reader sees half of it"
    assert after.keys() == before.keys()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert printed(capfd, "--in-place", file.parent) == "files changed: 0 of 2; fields changed: 0\n"
    assert state(file.parent) == after


def test_in_place_leaves_a_link_a_link(capfd: pytest.CaptureFixture[str], file: Path) -> None:
    link = file.parent / "link.yaml"
    link.symlink_to(file.name)
    assert printed(capfd, "--in-place", link)
    assert link.is_symlink()
    assert file.read_text() == FIXED


def test_a_file_that_is_named_twice_is_written_once(capfd: pytest.CaptureFixture[str], file: Path) -> None:
    for inputs in ((file, file), (file.parent, file), (file, file.parent / "." / file.name)):
        file.write_text(FOREIGN)
        assert printed(capfd, "--in-place", *inputs).startswith("files changed: 1 of ")
        assert file.read_text() == FIXED


def test_a_write_that_fails_leaves_the_file_as_it_was(
    capfd: pytest.CaptureFixture[str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr(Path, "replace", full)
    before = state(file.parent)
    assert "No space left" in refusal(capfd, "--in-place", file)
    assert state(file.parent) == before


def test_standard_input_cannot_be_rewritten(capfd: pytest.CaptureFixture[str], file: Path) -> None:
    assert "--in-place" in refusal(capfd, "--in-place", file, "-")
    assert file.read_text() == FOREIGN


def test_output_dir_keeps_names_and_has_all_files(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "new" / "out"
    (source / "a" / "b").mkdir(parents=True)
    (source / "a" / "b" / "web.yaml").write_text(FOREIGN)
    (source / "fine.yaml").write_text(FINE)
    (tmp_path / "single.yaml").write_text(FOREIGN)
    before = state(source)
    assert printed(capfd, "--output-dir", out, source, tmp_path / "single.yaml") == ""
    assert {name: content for name, (_, _, content) in state(out).items()} == {
        "a/b/web.yaml": FIXED.encode(),
        "fine.yaml": FINE.encode(),
        "single.yaml": FIXED.encode(),
    }
    assert state(source) == before


def test_output_dir_refuses_two_files_for_one_place(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "web.yaml").write_text(TEMPLATE.format(name=name, group=100))
    for inputs in ((tmp_path / "a", tmp_path / "b"), (tmp_path / "a/web.yaml", tmp_path / "b/web.yaml")):
        assert "web.yaml" in refusal(capfd, "--output-dir", tmp_path / "out", *inputs)
        assert not (tmp_path / "out").exists()


def test_output_dir_takes_standard_input_and_a_relative_folder(
    capfd: pytest.CaptureFixture[str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FOREIGN.encode())))
    (file.parent / "cwd").mkdir()
    monkeypatch.chdir(file.parent / "cwd")
    assert printed(capfd, "--output-dir", "out", "-", f"../{file.name}") == ""
    assert sorted(state(file.parent / "cwd")) == ["out/stdin.yaml", "out/web.yaml"]
