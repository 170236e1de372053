"""Kubeflow as upstream ships it, unedited, on OpenShift's admission: before and after the webhook."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rig.cluster import Cluster, running
from tests.support import upstream
from tests.support.installed import install
from tests.support.server import Server
from tests.support.upstream import Installed
from webhook.manifests import reader
from webhook.offline import check
from webhook.scc.grants import Grants
from webhook.settings.model import Settings

pytestmark = [pytest.mark.timeout(600)]

Show = Callable[..., None]
SERVER_SIDE = ("--server-side", "--force-conflicts", "--validate=false")
# The weaker of two SCCs admits what the other refuses. Of those that upstream's service accounts may use.
WEAKNESS = ("restricted-v2", "restricted", "nonroot-v2", "nonroot", "anyuid", "privileged")


def manifests_of(release: str) -> list[upstream.Object]:
    folder = upstream.FOLDER / release
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: UPSTREAM_MANIFESTS names the folder with upstream's manifests")
    return upstream.read(folder)


def named(templates: list[check.TemplateVerdict], when: str) -> dict[upstream.Key, str | None]:
    """Return who admits each workload's pods, by namespace, kind and name as the rig names them."""
    found: dict[upstream.Key, str | None] = {}
    for each in (each for each in templates if each.workload):
        base = (each.namespace, each.kind.partition(".")[0], each.name)
        again = [
            key for key in found if key[:2] == base[:2] and key[2].partition("-v")[0] == base[2].partition("-v")[0]
        ]
        key = base if base not in found else (*base[:2], f"{base[2]}-v{len(again) + 1}")
        found[key] = getattr(each, when).admitted_by
    return found


def install_all(cluster: Cluster, objects: list[upstream.Object]) -> Installed:
    upstream.apply(cluster, [*upstream.missing_namespaces(cluster, objects), *objects], *SERVER_SIDE)
    return upstream.judge(cluster, objects)


@pytest.mark.parametrize(
    ("release", "workloads", "without", "at_most"),
    [("kubeflow-26.03", 50, 18, 75), ("kubeflow-0.7-served", 80, 78, 160)],
)
def test_every_workload_gets_a_pod_with_us_and_none_by_a_weaker_scc(
    release: str,
    workloads: int,
    without: int,
    at_most: int,
    rig: None,
    webhook: Server,
    show: Show,
    tmp_path: Path,
) -> None:
    objects = manifests_of(release)
    with running(tmp_path / "without") as cluster:
        alone = install_all(cluster, objects)
        assert (len(alone.admitted), len(alone.admitted) + len(alone.refused)) == (without, workloads)
        assert all(
            "unable to validate against any security context constraint" in why for why in alone.refused.values()
        )

        # After a later installation, applying the manifests again fixes the rejected workloads.
        install(cluster, webhook)
        later = install_all(cluster, objects)
        assert len(later.admitted) == workloads

    with running(tmp_path / "with") as cluster:
        install(cluster, webhook)
        earlier = len(webhook.reviews())
        saved = install_all(cluster, objects)
        reviews = webhook.reviews()[earlier:]
        assert len(reviews) <= at_most
        print(f"{release}: {len(reviews)} reviews, {sum(bool(line['rules']) for line in reviews)} with changes")
        assert saved.refused == {}
        assert len(saved.admitted) == workloads
        assert {saved.admitted[key] for key in alone.refused} == {"restricted-v2"}
        assert not [k for k, scc in alone.admitted.items() if WEAKNESS.index(saved.admitted[k]) > WEAKNESS.index(scc)]
        print(f"{release}: {without} of {workloads} before, {len(saved.admitted)} of {workloads} after")
        print(f"by SCC: {dict(Counter(saved.admitted.values()))}")

        # The model of SCC says the same without a cluster, workload by workload.
        judged = list(check.check(reader.read([str(upstream.FOLDER / release)]), Settings(), check.Cluster(Grants())))
        assert named(judged, "before") == {**dict.fromkeys(alone.refused), **alone.admitted}
        assert named(judged, "after") == saved.admitted

        before, settings = upstream.generations(cluster), upstream.versions(cluster)
        install_all(cluster, objects)
        assert upstream.generations(cluster) == before
        assert upstream.versions(cluster) == settings
        # Of aggregated roles upstream's rules are empty, and a controller's are stored: they always differ.
        text = json.dumps(
            {"kind": "List", "apiVersion": "v1", "items": [o for o in objects if "aggregationRule" not in o]}
        )
        diff = cluster.kubectl("diff", "--server-side", "--force-conflicts", "-f", "-", send=text, check=False)
        assert (diff.returncode, diff.stdout) == (0, "")
        if release == "kubeflow-26.03":
            seen = f"{len(saved.admitted)} of {workloads} admitted, by restricted-v2"
            show(
                "N1",
                "all workloads of 26.03",
                "kubectl apply --server-side",
                f"{without} of {workloads} admitted",
                seen,
            )
