"""OpenShift's own code agrees with the table of the default SCCs."""

from tests.rig import sccs
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
