"""Measure docs/support.md on the rig: each Kubeflow on each OpenShift that the rig plays. `make support`.

Every cell is measured twice: on the rig, and by `check`, workload by workload. A difference fails the command.
tools/support_page.py writes the page from docs/evidence/support.json.
"""

import copy
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.rig.build import CONTROL_PLANE
from tests.rig.cluster import running
from tests.rig.components import Mode
from tests.support import evidence, upstream
from tests.support.installed import OPTED_IN, deployed, install
from tests.support.judged import documents
from tests.support.paths import ROOT
from tests.support.server import serving
from webhook.manifests import reader
from webhook.objects.model import Object
from webhook.offline import check
from webhook.offline.reasons import REASON, reasons
from webhook.rules import OPTIONS
from webhook.scc.defaults import of_version
from webhook.scc.grants import Grants
from webhook.settings import configuration
from webhook.settings.scopes import sends

RELEASES: Final = {
    "kubeflow-0.7-served": "0.7",
    "odh-0.7-openshift": "Open Data Hub's 0.7",
    "kubeflow-1.8": "1.8",
    "kubeflow-1.9": "1.9",
    "kubeflow-1.10": "1.10",
    "kubeflow-26.03": "26.03",
    "kubeflow-26.03-alternates": "26.03 alternates",
}
LEFT_OUT: Final = {
    "kubeflow-0.7": "no API server of today serves its API versions; kubeflow-0.7-served has them converted"
}
WHEN: Final = ("before", "after")
BASE, OVERLAYS = ROOT / "deploy/base", ROOT / "deploy/overlays"


@dataclass(frozen=True, slots=True)
class OpenShift:
    """An OpenShift that the rig plays, and the settings that its users install."""

    mode: Mode
    minor: int
    """The oldest minor version of OpenShift 4 that is like this. The grants are SCCs that it has."""
    everyone: tuple[str, ...]
    config: Path
    by_name: bool = True
    """Whether namespaces have a label with their name, which the webhook's registration selects by."""


PLAYED: Final = {
    "4.2": OpenShift("like-4.2", 2, ("restricted",), OVERLAYS / "openshift-4.2/config.yaml", by_name=False),
    "4.11 to 4.19": OpenShift("scc", 11, ("restricted-v2",), BASE / "config.yaml"),
    "4.20 and newer": OpenShift("like-4.20", 20, ("restricted-v2", "restricted-v3"), BASE / "config.yaml"),
}


def measure() -> dict[str, Any]:
    """Return what became of each release's workloads on each OpenShift, with versions."""
    cells: dict[str, dict[str, Any]] = {}
    for release in RELEASES:
        for name, openshift in PLAYED.items():
            cells.setdefault(release, {})[name] = cell = measured(release, openshift)
            print(f"{release}, {name}: {cell['rig']}, {cell['differences']}", file=sys.stderr, flush=True)
    return {"versions": versions(), "manifests": {release: source(release) for release in RELEASES}, "cells": cells}


def measured(release: str, openshift: OpenShift) -> dict[str, Any]:
    """Return the figures of one release on one OpenShift, from the rig and from `check`."""
    objects = labelled(upstream.read(upstream.FOLDER / release), openshift)
    happened = dict(zip(WHEN, installed(objects, openshift), strict=True))
    templates = judged(objects, openshift)
    differences = []
    for when, seen in happened.items():
        rig, said = {**dict.fromkeys(seen.refused), **seen.admitted}, by_workload(templates, when)
        differences += [
            f"{when}: {' '.join(key)}: rig {rig.get(key, 'none')}, check {said.get(key, 'none')}"
            for key in sorted(rig.keys() | said.keys())
            if rig.get(key, "") != said.get(key, "")
        ]
    admitted = {when: len(seen.admitted) for when, seen in happened.items()}
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "rig": {"workloads": len(happened["after"].admitted) + len(happened["after"].refused), **admitted},
        **counted(templates),
        "differences": differences,
    }


def labelled(objects: list[Object], openshift: OpenShift) -> list[Object]:
    """Return the objects with every namespace that they name, labelled as docs/operations.md tells users of 4.2."""
    rest = [copy.deepcopy(obj) for obj in objects if obj["kind"] != "Namespace"]
    spaces = {obj["metadata"]["name"]: copy.deepcopy(obj) for obj in objects if obj["kind"] == "Namespace"}
    for name in sorted({obj["metadata"].get("namespace", "kubeflow") for obj in rest} - spaces.keys()):
        spaces[name] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    for name, space in spaces.items():
        labels = space["metadata"].get("labels") or {}
        if not openshift.by_name and sends(name, labels):
            space["metadata"]["labels"] = labels | OPTED_IN
    return [*spaces.values(), *rest]


def installed(objects: list[Object], openshift: OpenShift) -> Iterator[upstream.Installed]:
    """Install without the webhook and with it, each on a cluster of its own; yield what became of the workloads."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "rig", mode=openshift.mode) as cluster:
        yield upstream.install_all(cluster, objects)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving("--config", str(openshift.config), host="127.0.7.3", port=8443) as server,
        running(Path(folder) / "rig", mode=openshift.mode) as cluster,
    ):
        install(cluster, server, deployed() if openshift.by_name else registered_on_4_2())
        yield upstream.install_all(cluster, objects)


def registered_on_4_2() -> Object:
    """Return the registration of the overlay for 4.2 in the API version that the rig serves, with the rig's port."""
    value: Object = reader.one_document(OVERLAYS / "openshift-4.2/webhook-configuration.yaml").value
    value["apiVersion"] = deployed()["apiVersion"]
    for webhook in value["webhooks"]:
        webhook["matchPolicy"] = "Exact"  # what v1beta1 means where it says nothing
        webhook["clientConfig"]["service"]["port"] = 8443
    return value


def judged(objects: list[Object], openshift: OpenShift) -> list[check.TemplateVerdict]:
    """Return what `check` says of every pod template."""
    grants = Grants(of_version(openshift.minor), openshift.everyone)
    cluster = check.Cluster(grants, all_namespaces=False, default_namespace="kubeflow")
    return list(check.check(documents(objects), configuration.load(openshift.config, OPTIONS), cluster))


def by_workload(templates: list[check.TemplateVerdict], when: str) -> dict[upstream.Key, str | None]:
    """Return the SCC that admits the pods of each workload, None if none does."""
    counted = (each for each in templates if each.workload)
    return {
        (each.namespace, each.kind.partition(".")[0], each.name): getattr(each, when).admitted_by for each in counted
    }


def counted(templates: list[check.TemplateVerdict]) -> dict[str, Any]:
    """Return the figures of `check`: workloads and the SCCs of their pods, all pod templates, what stays rejected."""
    workloads = [each for each in templates if each.workload]
    by = Counter(each.after.admitted_by for each in workloads if each.after.admitted_by)
    return {
        "check": {"workloads": len(workloads), **{when: admitted(workloads, when) for when in WHEN}},
        "templates": {"all": len(templates), **{when: admitted(templates, when) for when in WHEN}},
        "by": dict(sorted(by.items())),
        "rejected": sorted(rejected(templates), key=lambda group: (-len(group["templates"]), group["why"])),
    }


def admitted(templates: list[check.TemplateVerdict], when: str) -> int:
    return sum(getattr(each, when).admitted_by is not None for each in templates)


def rejected(templates: list[check.TemplateVerdict]) -> list[dict[str, Any]]:
    """Return the templates that stay rejected, grouped by reason and by the least SCC that admits them."""
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for each in templates:
        if not each.after.admitted_by:
            why, grant = "; ".join(in_few_words(each)), each.smallest or "an SCC of its own"
            group = groups.setdefault(
                (why, grant), {"why": why, "grant": grant, "workloads": 0, "accounts": [], "templates": []}
            )
            group["workloads"] += each.workload
            group["templates"].append(f"{each.kind.partition('.')[0]} {each.namespace or '-'}/{each.name}")
            group["accounts"] = sorted({*group["accounts"], each.account})
    return list(groups.values())


def in_few_words(each: check.TemplateVerdict) -> list[str]:
    """Return why a template stays rejected. IDs count only if they are all: where another field rejects, they stay."""
    matched = [(REASON.fullmatch(reason), reason) for reason in reasons(each.after)]
    details = {found["detail"] if found else reason for found, reason in matched}
    of_ids = {detail for detail in details if re.search(r"must be in the ranges|is not an allowed group", detail)}
    return sorted(details - of_ids or of_ids)


def versions() -> dict[str, str]:
    """Return the versions of the API server and of OpenShift's plugin, as the rig's go.mod has them."""
    text = (CONTROL_PLANE.folder / "go.mod").read_text()
    found = {}
    for module in ("k8s.io/kubernetes", "github.com/openshift/apiserver-library-go"):
        [found[module]] = re.findall(rf"(?m)^\t{re.escape(module)} (\S+)", text)
    return found


def source(release: str) -> str:
    """Return repository, branch and commit of a release's manifests, as the README files beside them say."""
    text = "".join(path.read_text() for path in sorted(upstream.FOLDER.glob("README*.md")))
    folder = re.escape(release.removesuffix("-served"))
    found = re.search(rf"(?m)^\| `{folder}/` \| (\S+) \| (\S+) \| (\w+) \|", text)
    return f"{found[1]} {found[2]} {found[3][:12]}" if found else "unknown"


def main() -> int:
    """Measure, and keep what was seen. Return 1 if `check` and the rig differ."""
    started = time.time()
    figures = measure()
    path = evidence.write("support", "make support", started, figures)
    print(f"written to {path}; now: make update", file=sys.stderr)
    return int(any(cell["differences"] for cells in figures["cells"].values() for cell in cells.values()))


if __name__ == "__main__":
    sys.exit(main())
