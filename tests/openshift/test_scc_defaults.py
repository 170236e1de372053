"""OpenShift's own code agrees with the table of the default SCCs."""

from tests.rig import sccs
from tests.rig.cluster import BINDINGS, ROLES, SCCS, Cluster
from tests.rig.oracle import ask
from tests.support.scc_table import ASSIGNS, IN_ORDER, NAMESPACE, PODS, assigned, in_order, pod


def test_openshifts_own_code_says_the_same(rig: None) -> None:
    answers = ask([{"namespace": NAMESPACE, "sccs": [*sccs.sccs()], "pods": [pod(each.values[0]) for each in PODS]}])
    for each, answer in zip(PODS, answers, strict=True):
        admitting = [name for name in IN_ORDER if not answer["verdicts"][name]]
        assert admitting == in_order(each.values[1]), each.id
        assert answer["admittedBy"] == admitting[0], each.id


def test_openshifts_own_code_assigns_the_same(rig: None) -> None:
    answers = ask({"namespace": NAMESPACE, "sccs": [scc], "pods": [pod({})]} for scc in sccs.sccs())
    assert {answer["admittedBy"]: assigned(answer["pod"]) for answer in answers} == ASSIGNS


def test_like_4_2_there_are_only_the_sccs_of_that_time_and_restricted_is_for_everyone(
    cluster_like_4_2: Cluster,
) -> None:
    def names(path: str) -> set[str]:
        found = {item["metadata"]["name"] for item in cluster_like_4_2.request("GET", path).body["items"]}
        return (
            found if path == SCCS else {name.removeprefix("system:openshift:scc:") for name in found if "scc:" in name}
        )

    of_4_2 = {"anyuid", "hostaccess", "hostmount-anyuid", "hostnetwork", "nonroot", "privileged", "restricted"}
    assert names(SCCS) == names(ROLES) == of_4_2
    assert names(BINDINGS) == {"restricted"}
