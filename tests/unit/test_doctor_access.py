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
        {"status": {"runtimeHandlers": [{"name": "", "features": {"userNamespaces": has}}]}} for has in nodes
    ]
    return seen


def test_nothing_is_said_while_the_rule_is_off() -> None:
    found = diagnose(like_4_20(), Settings(everyone=ON.everyone))
    assert "user namespaces" not in [each.check for each in found]


def test_all_is_there() -> None:
    seen = like_4_20(True, False)
    assert problems(seen, ON) == []
    [found] = [each for each in diagnose(seen, ON) if each.check == "user namespaces"]
    assert found.says == "every account may use SCC restricted-v3; 1 of 2 nodes report user namespaces"


@pytest.mark.parametrize("nodes", [(), (False,)])
def test_no_node_has_user_namespaces(nodes: tuple[bool, ...]) -> None:
    check, says, command = problem(like_4_20(*nodes), ON)
    assert (check, command) == ("user namespaces", CONFIGURE)
    assert says.startswith(f"0 of {len(nodes)} nodes report user namespaces")


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
