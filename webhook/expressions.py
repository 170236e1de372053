"""Longer sentences in CEL that rules say in their conditions; webhook/conditions.py has the words they may use."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from webhook.scc.defaults import SCCS
from webhook.settings import COMPONENTS

USER: Final = "s.?runAsUser.orValue(null)"
NON_ROOT: Final = "s.?runAsNonRoot.orValue(context.?runAsNonRoot.orValue(null))"
UNSET: Final = f"({USER} == null && !(context.?runAsUser.orValue(null) in allocated) && size(allocated) > 0)"
GRANTED: Final = "!has(r.resourceNames) && r.apiGroups.exists(g, g in [group, '*']) && r.verbs.exists(v, v in {})"
LARGEST_ROLE: Final = 100
"""Rules of a role: what has more is sent unseen, for evaluation has a budget."""


def incomplete(scc: str) -> str:
    """Write that an SCC admitted the Pod, and that a container lacks what that one assigns."""
    dropped = f"{SCCS[scc]['requiredDropCapabilities']}.all(d, d in s.?capabilities.?drop.orValue([]))"
    asks = f"s.?capabilities.?add.orValue([]).exists(a, !(a in {SCCS[scc].get('allowedCapabilities', [])}))"
    escalates = " || !has(s.allowPrivilegeEscalation)" if SCCS[scc].get("allowPrivilegeEscalation") is False else ""
    lacks = f"{USER} in foreign || {UNSET} || {NON_ROOT} == null || !{dropped}{escalates}"
    return f"scc == '{scc}' && containers.exists(c, [c.?securityContext.orValue({{}})].exists(s, !{asks} && ({lacks})))"


def without_mount(regex: str, path: str) -> str:
    """Write that container `c` has such an image and no such mount; RE2 cannot look around, and matches more."""
    mounted = [path[:end] + slash for end in range(len(path) + 1) if path[end:][:1] in ("/", "") for slash in ("", "/")]
    mounts = f"c.?volumeMounts.orValue([]).exists(m, m.?mountPath.orValue('none') in {mounted})"
    return f"c.?image.orValue('').matches(r'{re.sub(r'[(][?]<?!.*?[)]', '', regex)}') && !{mounts}"


def lacks_finalizers(owners: Mapping[str, Sequence[str]]) -> str:
    """Write that a role which no tenant wrote may create or update an owner, and not update its finalizers."""
    may, has = (GRANTED.format(verbs) for verbs in (["create", "update", "*"], ["update", "*"]))
    named = "r.resources.exists(n, n in [name + '/finalizers', '*/finalizers', '*'])"
    lacks = f"object.rules.exists(r, has(r.resources) && name in r.resources && {may}) && "
    lacks += f"!object.rules.exists(r, has(r.resources) && {named} && {has})"
    plain = {group: [*names] for group, names in owners.items()}
    found = f"[{plain}].exists(all, all.exists(group, all[group].exists(name, {lacks})))"
    left = "has(object.aggregationRule) || object.metadata.?labels.orValue({}).exists(l, l.contains('aggregate-to-'))"
    large = f"size(object.rules) > {LARGEST_ROLE}"
    ours = f"(request.kind.kind == 'ClusterRole' || request.namespace in {[*COMPONENTS]})"
    return f"{ours} && has(object.rules) && object.rules != null && !({left}) && ({large} || {found})"
