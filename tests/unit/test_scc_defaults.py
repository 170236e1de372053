"""The default SCCs are those of OpenShift: which admits a pod with one special field, and what each of them assigns.

The table was written from OpenShift's manifests. The model and OpenShift's own code are compared with it.
"""

import pytest

from tests.rig import sccs
from tests.support.scc_table import ASSIGNS, IN_ORDER, LISTED, NAMESPACE, PODS, Object, assigned, in_order, pod
from webhook.scc import ranges
from webhook.scc.admission import judge, smallest
from webhook.scc.defaults import SCCS, of_version, with_defaults
from webhook.scc.grants import Grants
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


@pytest.mark.parametrize(
    ("minor", "missing"),
    [
        (2, {"restricted-v2", "nonroot-v2", "hostnetwork-v2", "hostmount-anyuid-v2", "restricted-v3"}),
        (11, {"hostmount-anyuid-v2", "restricted-v3"}),
        (19, {"restricted-v3"}),
        (20, set()),
    ],
)
def test_which_an_older_openshift_does_not_have(minor: int, missing: set[str]) -> None:
    assert SCCS.keys() - of_version(minor).keys() == missing


@pytest.mark.parametrize(
    ("everyone", "minor"),
    [
        (["restricted"], 2),
        (["restricted-v2"], 20),
        (["restricted", "restricted-v2"], 20),  # a cluster that began before 4.11
        (["restricted-v2", "restricted-v3"], 20),
        (["anyuid"], 20),
    ],
)
def test_a_cluster_where_everyone_uses_restricted_alone_is_older_than_4_11(everyone: list[str], minor: int) -> None:
    assert Grants.of(everyone) == Grants(of_version(minor), tuple(everyone))


def test_the_smallest_is_one_that_the_cluster_has() -> None:
    of_4_2, example = of_version(2), ranges.of_namespace({"metadata": NAMESPACE})
    user, profile = ({"runAsUser": 1000}, {"seccompProfile": {"type": "RuntimeDefault"}})
    for context, today, then in ((user, "nonroot-v2", "nonroot"), (profile, "restricted-v2", "privileged")):
        asked = pod({"securityContext": context, "hostUsers": None})
        assert (smallest(asked, example), smallest(asked, example, of_4_2)) == (today, then)


def test_whom_they_list_and_which_comes_first() -> None:
    assert {name: scc["priority"] for name, scc in SCCS.items() if scc.get("priority")} == {"anyuid": 10}
    listed = {scc["metadata"]["name"]: (scc["users"], scc["groups"]) for scc in sccs.sccs()}
    assert listed == dict.fromkeys(SCCS, ([], [])) | LISTED
