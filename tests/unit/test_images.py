"""docs/images.md covers every image of Kubeflow 26.03, says what its manifests pin, and agrees with the rule."""

import re
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import pytest

from tests.support import upstream
from tests.support.paths import ROOT
from webhook.workloads.images import DIRECTORIES, directories

FOLDERS = ("kubeflow-26.03", "kubeflow-26.03-alternates")
VERDICTS = {"any UID", "set HOME", "own UID", "host access", "not known"}
QUALIFIED = re.compile(r"(?:(?:docker|gcr|ghcr|nvcr|quay)\.io|[\w-]+\.pkg\.dev)/[\w./-]+(?=[:@])")
NAMED = re.compile(r'(?i)image"?\s*:\s*"?([a-z][\w.-]*/[\w./-]+)')  # in the text of a ConfigMap


class Row(NamedTuple):
    """One row of a table of docs/images.md."""

    images: list[str]
    user: str
    pinned: str
    writes: str
    verdict: str
    known: str


def rows() -> list[Row]:
    lines = [line for line in (ROOT / "docs/images.md").read_text().splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [Row(re.findall(r"`([^`]+)`", first), *rest) for first, *rest in cells]


def used(value: Any, pod: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield each image that is named anywhere in an object, with the IDs that a container which runs it gets."""
    if isinstance(value, dict):
        pod = value.get("securityContext") or {} if "containers" in value else pod
        for name, inner in value.items():
            variable = str(value.get("name")) if name == "value" else name
            if isinstance(inner, str) and variable.lower().endswith("image"):
                yield re.split("[:@]", inner)[0], pins(value, pod) if name == "image" else None
            else:
                yield from used(inner, pod)
    elif isinstance(value, list):
        for inner in value:
            yield from used(inner, pod)
    elif isinstance(value, str):
        yield from ((image, None) for image in QUALIFIED.findall(value) + NAMED.findall(value))


def pins(container: dict[str, Any], pod: dict[str, Any]) -> str:
    context = {**pod, **(container.get("securityContext") or {})}
    ids = [str(context[field]) for field in ("runAsUser", "runAsGroup") if field in context]
    return " ".join([":".join(ids), *([f"fsGroup {context['fsGroup']}"] if "fsGroup" in context else [])]).strip()


@pytest.fixture(scope="module")
def found() -> dict[str, set[str]]:
    """Return the images of 26.03's manifests, with the IDs that they pin for each."""
    if not upstream.FOLDER.is_dir():
        pytest.skip(f"{upstream.FOLDER} is not there: UPSTREAM_MANIFESTS names the folder with upstream's manifests")
    images: dict[str, set[str]] = defaultdict(set)
    for folder in FOLDERS:
        for obj in upstream.read(upstream.FOLDER / folder):
            for image, ids in used(obj, {}):
                images[image].update(set() if ids is None else {ids or "none"})
    return images


def test_every_image_of_26_03_has_one_row(found: dict[str, set[str]]) -> None:
    covering = {
        image: [row for row in rows() if any(fnmatchcase(image, each) for each in row.images)] for image in found
    }
    assert len(found) > 100
    assert {image: len(covered) for image, covered in covering.items() if len(covered) != 1} == {}


def test_each_row_has_the_ids_that_the_manifests_pin(found: dict[str, set[str]]) -> None:
    for row in rows():
        pinned = [ids for image, ids in found.items() if any(fnmatchcase(image, each) for each in row.images)]
        if pinned:
            assert row.pinned == (", ".join(sorted(set().union(*pinned))) or "none"), row.images


def test_a_row_says_volume_where_the_rule_mounts_one_and_nowhere_else() -> None:
    named = [image.replace("*", "x") for row in rows() for image in row.images]
    assert [regex for regex in DIRECTORIES if not any(re.search(regex, image) for image in named)] == []
    for row in rows():
        for image in row.images:
            mounted = [f"volume: {path}" for path in directories(image.replace("*", "x"), DIRECTORIES)]
            assert mounted == [row.verdict] if row.verdict not in VERDICTS else not mounted, image
