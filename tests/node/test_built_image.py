"""The image that the project's Dockerfile makes: the same layers each time, and small ones."""

import tarfile
from pathlib import Path

from tests.rig.node import images

LARGEST = 100_000_000


def test_built_twice_it_has_the_same_layers(ready_machine: None, tmp_path: Path) -> None:
    kept, again = images.project(), tmp_path / "again.tar"
    images.buildah("localhost/again:rig", images.PROJECT, images.base(), again)
    assert images.layers(again) == images.layers(kept)
    on_base = images.layers(kept)[len(images.layers(images.base())) :]
    assert len(on_base) == 1
    with tarfile.open(again) as tar:
        assert tar.getmember(f"{on_base[0].removeprefix('sha256:')}.tar").size < LARGEST
