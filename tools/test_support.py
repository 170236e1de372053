"""docs/support.md is true: `check` and the rig agree, `check` says the same today, and the page has every figure."""

import json
import re
from typing import Any

import pytest

from tests.rig.cluster import EVERYONE_USES
from tests.support import upstream
from tests.support.paths import ROOT
from tools import support
from webhook.rules import OPTIONS
from webhook.scc.defaults import of_version
from webhook.settings import configuration

EVIDENCE: dict[str, Any] = json.loads((ROOT / "docs/evidence/support.json").read_text())
CELLS: dict[str, dict[str, Any]] = EVIDENCE["figures"]["cells"]
EVERY = [(release, name) for release in support.RELEASES for name in support.PLAYED]
PAGE = (ROOT / "docs/support.md").read_text()
EXAMPLES = {"examples", "more-examples"}
GRANT = re.compile(r"\bneeds?\s+`([^`]+)`")


def tables() -> list[dict[tuple[str, str], str]]:
    """Return the page's tables of releases and OpenShifts; a column may be that of several."""
    found = []
    for head, body in re.findall(r"(?m)^\| Kubeflow \| (.+) \|\n\|[-|]+\|\n((?:\|.*\|\n)+)", PAGE):
        lines = [line.strip("| ").split(" | ") for line in body.splitlines()]
        columns = [(at, name) for at, names in enumerate(head.split(" | ")) for name in names.split(", ")]
        found.append({(release, name): cells[at] for release, *cells in lines for at, name in columns})
    return found


def needs_manifests() -> None:
    if not upstream.FOLDER.is_dir():
        pytest.skip(f"{upstream.FOLDER} is not there: UPSTREAM_MANIFESTS names the folder with upstream's manifests")


def test_it_was_measured_once_on_a_commit_without_changes() -> None:
    assert re.fullmatch(r"[0-9a-f]{7,}", EVIDENCE["commit"])
    assert [(release, name) for release, of in CELLS.items() for name in of] == EVERY
    assert EVIDENCE["figures"]["versions"] == support.versions()
    assert all(
        f"`{EVIDENCE['commit']}`" in PAGE and cell["date"] in PAGE for of in CELLS.values() for cell in of.values()
    )


@pytest.mark.parametrize(("release", "name"), EVERY)
def test_check_counts_what_the_rig_counts(release: str, name: str) -> None:
    cell = CELLS[release][name]
    assert cell["check"] == cell["rig"]
    assert cell["differences"] == []
    assert cell["rig"]["before"] <= cell["rig"]["after"] == sum(cell["by"].values())
    assert sum(group["workloads"] for group in cell["rejected"]) == cell["rig"]["workloads"] - cell["rig"]["after"]
    assert sum(len(group["templates"]) for group in cell["rejected"]) == (
        cell["templates"]["all"] - cell["templates"]["after"]
    )


@pytest.mark.parametrize(("release", "name"), EVERY)
def test_check_says_today_what_it_said_then(release: str, name: str) -> None:
    needs_manifests()
    openshift = support.PLAYED[name]
    objects = support.labelled(upstream.read(upstream.FOLDER / release), openshift)
    said = support.counted(support.judged(objects, openshift))
    assert said == {what: CELLS[release][name][what] for what in said}


@pytest.mark.parametrize(("release", "name"), EVERY)
def test_the_page_has_the_figures(release: str, name: str) -> None:
    of_workloads, of_templates = (table[support.RELEASES[release], name] for table in tables())
    rig, templates = CELLS[release][name]["rig"], CELLS[release][name]["templates"]
    assert of_workloads == f"{rig['before']} → {rig['after']} of {rig['workloads']}"
    assert of_templates == f"{templates['before']} → {templates['after']} of {templates['all']}"
    [section] = [part for part in PAGE.split("### On ") if name in part.partition("\n")[0].split(", ")]
    entries = re.findall(r"(?m)^- \*\*(.+)\*\*: ((?:.+\n(?:  .+\n)*))", section.partition("\n## ")[0])
    grants = [
        grant
        for names, text in entries
        for grant in GRANT.findall(text)
        if support.RELEASES[release] in names.split(", ")
    ]
    assert sorted(grants) == sorted(group["grant"] for group in CELLS[release][name]["rejected"])


def test_what_the_page_says_of_all_releases_is_so() -> None:
    for release, of in CELLS.items():
        left = {name: cell["rig"]["workloads"] - cell["rig"]["after"] for name, cell in of.items()}
        assert [name for name, number in left.items() if number] == ([] if "0.7" in release else ["4.2"]), release
        for name, cell in of.items():
            kinds = {template.partition(" ")[0] for group in cell["rejected"] for template in group["templates"]}
            assert kinds <= {"DaemonSet"} or any("seccomp" in group["why"] for group in cell["rejected"]), name


def test_every_release_is_in_it_or_left_out_with_a_reason() -> None:
    needs_manifests()
    folders = {path.name for path in upstream.FOLDER.iterdir() if path.is_dir()}
    assert folders - EXAMPLES == {*support.RELEASES, *support.LEFT_OUT}
    assert all(f"`{release}`" in PAGE for release in support.LEFT_OUT)


@pytest.mark.parametrize("name", support.PLAYED)
def test_each_openshift_has_the_settings_of_its_users_and_its_own_sccs(name: str) -> None:
    openshift = support.PLAYED[name]
    assert list(openshift.everyone) == EVERYONE_USES[openshift.mode]
    assert set(openshift.everyone) <= of_version(openshift.minor).keys()
    settings = configuration.load(openshift.config, OPTIONS)
    assert settings.everyone == openshift.everyone[:1]  # restricted-v3 only for those who choose it
