"""What one namespace sends holds up no other."""

from tests.reliability.neighbours import measure
from tests.rig.cluster import Cluster
from tests.support.server import Server

LONGEST = 1000  # milliseconds


def test_the_most_expensive_dry_runs_of_one_namespace_hold_up_no_other(cluster: Cluster, webhook: Server) -> None:
    seen = measure(cluster, seconds=10)
    creations = seen["attacked"]
    assert creations["refused"] == 0
    assert creations["rewritten"] == creations["creations"] > 0
    assert creations["p99"] < LONGEST
    assert seen["attacks"].keys() == {"201"}
    assert seen["attacks"]["201"] > seen["loops"]

    large = seen["large"]
    assert large["attacked"]["refused"] == 0
    assert large["attacked"]["rewritten"] == large["attacked"]["creations"] > 0
    assert large["attacks"].keys() == {"201"}
    # The API server itself is busy with bodies of 1 MiB, with the webhook and without.
    assert max(each["milliseconds"] for each in webhook.reviews() if each["namespace"] == "victim") < LONGEST
