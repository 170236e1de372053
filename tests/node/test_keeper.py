"""What docs/operations.md shows of the certificate keeper, asked of the one that is installed."""

from pathlib import Path

from tests.rig.node.node import Node
from tests.support.blocks import blocks
from tests.support.reader_of_pages import Shell, alike


def test_it_shows_its_certificates_as_the_page_does(installed: Node, renderers: Path, tmp_path: Path) -> None:
    shell = Shell(installed.cluster, tmp_path / "reader", renderers)
    page = list(blocks("docs/operations.md"))
    [command] = [block for block in page if "certs show" in block.text]
    printed, wrong = shell.run(command, {})
    assert not wrong
    assert alike(page[page.index(command) + 1].text, printed), printed
