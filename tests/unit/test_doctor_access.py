"""`doctor` says what rule user-namespace lacks on a cluster, in the order in which it is needed."""

from typing import Any

import pytest

from tests.support.diagnosed import diagnose, problem, problems, state
from webhook.doctor.installation import CONFIGURE
from webhook.doctor.state import State
from webhook.scc.defaults import SCCS, with_defaults
from webhook.settings.model import Settings

ON = Settings(everyone=("restricted-v2", "restricted-v3"), rules={"user-namespace": {"namespaces": ["team-*"]}})
V3 = {"kind": "SecurityContextConstraints", **with_defaults(SCCS["restricted-v3"])}
EVERYONE = {"kind": "Group", "name": "system:authenticated"}


def like_4_20(*nodes: bool, scc: dict[str, Any] = V3) -> State:
    """Return an installation with restricted-v3 for everyone, and nodes that have user namespaces or not."""
    seen = state()
    seen.objects["SecurityContextConstraints"].append({**scc, "groups": ["system:authenticated"]})
    seen.objects["nodes"] = [
        {
            "metadata": {"name": f"n{number}"},
            "status": {"runtimeHandlers": [{"name": "", "features": {"userNamespaces": has}}]},
        }
        for number, has in enumerate(nodes)
    ]
    return seen


def test_nothing_is_said_while_the_rule_is_off() -> None:
    found = diagnose(like_4_20(), Settings(everyone=ON.everyone))
    assert "user namespaces" not in [each.check for each in found]


def test_all_is_there() -> None:
    seen = like_4_20(True, True)
    seen.objects["nodes"].append({"metadata": {"name": "w", "labels": {"kubernetes.io/os": "windows"}}})
    assert problems(seen, ON) == []
    [found] = [each for each in diagnose(seen, ON) if each.check == "user namespaces"]
    assert found.says == "every account may use SCC restricted-v3; 2 of 2 nodes report user namespaces"


@pytest.mark.parametrize("nodes", [(), (False,)])
def test_no_node_has_user_namespaces(nodes: tuple[bool, ...]) -> None:
    check, says, command = problem(like_4_20(*nodes), ON)
    assert (check, command) == ("user namespaces", CONFIGURE)
    assert says.startswith(f"0 of {len(nodes)} nodes report user namespaces")


def test_nodes_that_lack_them_are_named() -> None:
    _, says, command = problem(like_4_20(True, False), ON)
    assert (says.endswith("stay in ContainerCreating on n1"), command) == (True, CONFIGURE)
    assert says.startswith("1 of 2 nodes report user namespaces")
    assert problem(like_4_20(*[False] * 7), ON)[1].endswith("on n0, n1, n2, n3, n4 and others")


def test_another_runtime_does_not_count() -> None:
    """The kubelet asks the handler of the pod's RuntimeClass, and these pods have none."""
    seen = like_4_20(False)
    kata = {"name": "kata", "features": {"userNamespaces": True}}
    seen.objects["nodes"][0]["status"]["runtimeHandlers"].append(kata)
    assert problem(seen, ON)[1].startswith("0 of 1 nodes")


def test_nothing_is_said_without_the_right_to_see_who_may_use_it() -> None:
    seen = like_4_20(True)
    del seen.objects["ClusterRoleBinding"]
    assert problems(seen, ON) == []


def test_a_node_that_says_nothing_has_none() -> None:
    seen = like_4_20()
    seen.objects["nodes"] = [{"status": {}}, {}]
    assert "0 of 2 nodes" in problem(seen, ON)[1]


def test_the_range_of_early_4_20() -> None:
    scc = {**V3, "runAsUser": {"type": "MustRunAsRange"}}
    assert "has not the users 1000 to 65534" in problem(like_4_20(True, scc=scc), ON)[1]


def test_an_scc_that_not_everyone_may_use_and_one_that_is_missing() -> None:
    seen = like_4_20(True)
    del seen.objects["SecurityContextConstraints"][-1]["groups"]
    found = {each.check: each for each in problems(seen, ON)}["user namespaces"]
    assert found.says.startswith("not every account may use SCC restricted-v3")
    assert found.command == (
        "oc create clusterrolebinding restricted-v3 --clusterrole=system:openshift:scc:restricted-v3 "
        "--group=system:authenticated"
    )
    del seen.objects["SecurityContextConstraints"][-1]
    found = {each.check: each for each in problems(seen, ON)}["user namespaces"]
    assert "does not exist" in found.says
