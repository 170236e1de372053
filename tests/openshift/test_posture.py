"""Two strangers agree that nothing leaves more privileged: PodSecurity in the API server, and OpenShift's SCC code."""

from collections.abc import Iterator

import pytest

from tests.properties.posture import compared, pairs
from tests.rig.cluster import Cluster, running


@pytest.fixture(scope="module")
def plain(rig: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a cluster where SCC does not come first, so that PodSecurity judges what was sent."""
    with running(tmp_path_factory.mktemp("plain"), mode="without-scc") as cluster:
        yield cluster


def test_pod_security_and_scc_are_at_least_as_content_with_what_leaves(plain: Cluster, seed: int) -> None:
    seen = compared(plain, pairs(seed), 200, quiet=True)
    assert seen.disagreements == []
    assert seen.levels.keys() >= {"restricted to restricted", "baseline to baseline", "privileged to privileged"}
    assert seen.admitted["restricted-v2 after"] > seen.admitted["restricted-v2 before"]


def test_both_would_say_so(plain: Cluster, seed: int) -> None:
    """Swap before and after of the same pods."""
    backwards = ((after, before) for before, after in pairs(seed))
    said = "\n".join(compared(plain, backwards, 200, quiet=True).disagreements)
    assert "restricted to baseline: " in said
    assert "restricted-v2: refuses it now" in said
