"""Kubeflow as upstream ships it, unedited, on OpenShift's admission: before and after the webhook."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rig.cluster import running
from tests.support import upstream
from tests.support.installed import install
from tests.support.server import Server
from webhook.manifests import reader
from webhook.offline import check
from webhook.scc.grants import Grants
from webhook.settings.model import Settings

pytestmark = [pytest.mark.timeout(600)]

Show = Callable[..., None]


def manifests_of(release: str) -> list[upstream.Object]:
    folder = upstream.FOLDER / release
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: UPSTREAM_MANIFESTS names the folder with upstream's manifests")
    return upstream.read(folder)


@pytest.mark.parametrize(
    ("release", "workloads", "without", "at_most"),
    [("kubeflow-26.03", 50, 18, 75), ("kubeflow-1.10", 48, 28, 75), ("kubeflow-0.7-served", 80, 78, 160)],
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
        alone = upstream.install_all(cluster, objects)
        assert (len(alone.admitted), len(alone.admitted) + len(alone.refused)) == (without, workloads)
        assert all(
            "unable to validate against any security context constraint" in why for why in alone.refused.values()
        )

        # After a later installation, applying the manifests again fixes the rejected workloads.
        install(cluster, webhook)
        later = upstream.install_all(cluster, objects)
        assert len(later.admitted) == workloads

    with running(tmp_path / "with") as cluster:
        install(cluster, webhook)
        earlier = len(webhook.reviews())
        saved = upstream.install_all(cluster, objects)
        reviews = webhook.reviews()[earlier:]
        assert len(reviews) <= at_most
        print(f"{release}: {len(reviews)} reviews, {sum(bool(line['rules']) for line in reviews)} with changes")
        assert saved.refused == {}
        assert len(saved.admitted) == workloads
        assert {saved.admitted[key] for key in alone.refused} == {"restricted-v2"}
        assert not [
            k
            for k, scc in alone.admitted.items()
            if upstream.WEAKNESS.index(saved.admitted[k]) > upstream.WEAKNESS.index(scc)
        ]
        print(f"{release}: {without} of {workloads} before, {len(saved.admitted)} of {workloads} after")
        print(f"by SCC: {dict(Counter(saved.admitted.values()))}")

        # The model of SCC says the same without a cluster, workload by workload.
        judged = list(check.check(reader.read([str(upstream.FOLDER / release)]), Settings(), check.Cluster(Grants())))
        assert upstream.named(judged, "before") == {**dict.fromkeys(alone.refused), **alone.admitted}
        assert upstream.named(judged, "after") == saved.admitted

        before, settings = upstream.generations(cluster), upstream.versions(cluster)
        upstream.install_all(cluster, objects)
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
