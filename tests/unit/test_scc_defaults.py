"""The default SCCs are those of OpenShift: which admits a pod with one special field, and what each of them assigns.

The table was written from OpenShift's manifests. The model and OpenShift's own code are compared with it.
"""

import pytest

from tests.rig import sccs
from tests.support.scc_table import ASSIGNS, IN_ORDER, LISTED, NAMESPACE, PODS, Object, assigned, in_order, pod
from webhook.scc import ranges
from webhook.scc.admission import judge
from webhook.scc.defaults import SCCS, with_defaults
from webhook.scc.order import ordered


@pytest.mark.parametrize(("spec", "admitted_by"), PODS)
def test_who_admits_what(spec: Object, admitted_by: str) -> None:
    verdict = judge(pod(spec), SCCS.values(), ranges.of_namespace({"metadata": NAMESPACE}))
    assert [name for name, refusals in verdict.refusals.items() if not refusals] == in_order(admitted_by)


@pytest.mark.parametrize("name", SCCS)
def test_what_each_assigns(name: str) -> None:
    verdict = judge(pod({}), [SCCS[name]], ranges.of_namespace({"metadata": NAMESPACE}))
    assert assigned(verdict.pod or {}) == ASSIGNS[name]


def test_in_which_order_openshift_tries_them() -> None:
    assert [scc["metadata"]["name"] for scc in ordered(map(with_defaults, SCCS.values()))] == IN_ORDER


def test_whom_they_list_and_which_comes_first() -> None:
    assert {name: scc["priority"] for name, scc in SCCS.items() if scc.get("priority")} == {"anyuid": 10}
    listed = {scc["metadata"]["name"]: (scc["users"], scc["groups"]) for scc in sccs.sccs()}
    assert listed == dict.fromkeys(SCCS, ([], [])) | LISTED
