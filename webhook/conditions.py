"""Match conditions: which objects of an entry the API server sends, generated from KINDS and from what rules say.

Sent is what a rule would change, what asks for a grant, and what is of another shape than its kind says: we warn of it.

An expression that fails refuses the request, so none may. `.?` finds nothing where there is no map, but fails at a
list, as `exists` does at anything else: so another shape is looked for first, and with `||` what is true forgets a
failure. null where a list belongs counts as another shape.

A rule's condition speaks of `object` and `request`; a pod rule's also of its `spec`, its security `context` ({} where
there is none) and its `containers`; of `template` (false of a Pod itself) and `pod_spec` (false of what stands for
one); of `kept` (whether its identity stays whatever it is) and the `scc` of a Pod; of the ids in it that are
`allocated` and those that are `foreign`; and of `part`: the template in an Argo workflow, elsewhere the spec.

What the configuration file may switch on, conditions send. They know the defaults of three settings only: `allocated`,
`images` of writable-directory and `accounts` of dedicated-service-account. Who changes one installs without conditions
(deploy/components/without-match-conditions).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from webhook.engine import SKIP_ANNOTATION
from webhook.model import Object
from webhook.pod import LARGEST_ID, POD_SPEC
from webhook.registry import Rule
from webhook.settings import OPENSHIFT_RANGE
from webhook.workload import ASKS, KEPT, KINDS, SPARK

NOT_OF_THE_PLATFORM: Final = {
    "name": "not-of-the-platform",
    "expression": "!request.namespace.startsWith('openshift-') && !request.namespace.startsWith('kube-')",
}
NO_NAMESPACE_OF_THE_PLATFORM: Final = {
    "name": NOT_OF_THE_PLATFORM["name"],
    "expression": "!object.metadata.?name.orValue('').matches('^(openshift|kube)-')",
}
SKIPS: Final = f"annotations[?'{SKIP_ANNOTATION}']"
NOT_LEFT_ALONE: Final = {
    "name": "not-left-alone",
    "expression": f"!has(object.metadata.deletionTimestamp) && object.metadata.?{SKIPS}.orValue('') != 'none'",
}
NAMES_RULES: Final = f"object.metadata.?{SKIPS}.hasValue() // we warn of a name that is no rule's"
CONTROLLED: Final = "object.metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false))"
MOST: Final = 50
"""Pods, templates, containers: what has more is sent unseen. Evaluation has a budget, and what exceeds it fails."""

IDS: Final = (
    "(['runAsUser', 'runAsGroup', 'fsGroup'].map(f, context[?f].orValue(null))"
    " + containers.map(c, c.?securityContext.?runAsUser.orValue(null))"
    " + containers.map(c, c.?securityContext.?runAsGroup.orValue(null)))"
)


def of(rules: Iterable[Rule], kinds: list[str]) -> Iterator[Object]:
    """Yield the conditions of an entry for some kinds, all with pods or all without. All must hold."""
    yield NOT_LEFT_ALONE
    if any(KINDS[kind].pods or KINDS[kind].objects for kind in kinds):
        yield from of_pods(rules, kinds)
    else:
        for kind in kinds:
            yield of_objects(rules, kind)


def of_objects(rules: Iterable[Rule], kind: str) -> Object:
    """Return the condition that objects of a kind without pods meet where they concern one of these rules."""
    name = kind.partition(".")[0]
    wanted = [f"{rule.condition or 'true'} // {rule.id}" for rule in rules if kind in rule.kinds]
    lines = [f"request.kind.kind != '{name}'", NAMES_RULES, *wanted]
    return {"name": f"concerned-{name.lower()}", "expression": _any(lines)}


def of_pods(rules: Iterable[Rule], kinds: Iterable[str]) -> Iterator[Object]:
    """Yield the conditions that objects of some kinds with pods meet where they concern one of these rules."""
    rules, kinds = list(rules), list(kinds)
    if hashed := [kind for kind in kinds if KINDS[kind].hashed]:
        yield {"name": "not-of-a-controller", "expression": f"!(request.kind.kind in {_names(hashed)} && {CONTROLLED})"}
    lines = [NAMES_RULES, *_said(rules, kinds, on_pod=False)]
    if outer := [kind for kind in kinds if KINDS[kind].objects]:
        lines.append(f"request.kind.kind in {_names(outer)} // what is inside may be of any kind")
    lines.append(
        f"{_holders(kinds)}.exists(group, size(group) > {MOST} || group.exists(holder,\n{_pod(rules, kinds)}))"
    )
    yield {"name": "concerned", "expression": _any(lines)}


def _any(lines: Iterable[str]) -> str:
    """Join alternatives, one on each line; a line's comment stays at its end."""
    *most, last = (line.partition(" //") for line in lines)
    return "\n".join([*("".join((line, " ||", *comment)) for line, *comment in most), "".join(last)])


def _said(rules: list[Rule], kinds: list[str], *, on_pod: bool) -> Iterator[str]:
    """Yield what rules say of pods, or of whole objects, of those kinds that each comes for."""
    for rule in rules:
        if (rule.on_pod is not None) == on_pod and (own := [kind for kind in kinds if kind in rule.kinds]):
            guard = "" if own == kinds else f"request.kind.kind in {_names(own)} && "
            yield f"{guard}({rule.condition or 'true'}) // {rule.id}"


def _names(kinds: Iterable[str]) -> list[str]:
    return sorted({kind.partition(".")[0] for kind in kinds})


def _holders(kinds: list[str]) -> str:
    """Write what has the `spec` and the `metadata` of each pod, in a list of lists, by the object's kind."""
    by_name: dict[str, tuple[str, ...]] = {}
    for kind in kinds:
        [name] = _names([kind])
        by_name[name] = by_name.get(name, ()) + KINDS[kind].pods
    together: dict[tuple[str, ...], list[str]] = {}
    for name, paths in by_name.items():
        together.setdefault(paths, []).append(name)
    chosen = [f"request.kind.kind in {names} ? {_groups(paths)} :" for paths, names in together.items() if paths]
    return "\n".join([f"({chosen[0]}", *chosen[1:], "[])"])


def _groups(paths: tuple[str, ...]) -> str:
    """Write the holders at some paths; a text, which is none, where something on the way is of another shape."""
    plain = [path for path in paths if "*" not in path]
    groups = [f"[[{', '.join(_holder('object', path) for path in plain)}]]"] if plain else []
    ways = [way for path in plain for way in _ways("object", path)]
    for before, after in (path.split(".*.", 1) for path in paths if "*" in path):
        field, (outer, inner, _) = f"object.?{before.replace('.', '.?')}", after.partition(".[].")
        ways += _ways("object", before)
        if inner:
            each = f"{_values(f'e.?{outer}', 'dyn([m])')}[0]"
            groups.append(f"{_values(field)}[0].map(e, type(e) == map ? {each} : dyn(['']))")
        else:
            are_maps = " && ".join(["type(e) == map", *(way.replace("!=", "==") for way in _ways("e", after))])
            groups.append(f"{_values(field)}.map(v, v.map(e, {are_maps} ? {_holder('e', after)} : dyn('')))")
    found = " + ".join(groups)
    return f"({' || '.join(dict.fromkeys(ways))} ? dyn([['']]) : {found})" if ways else found


def _ways(root: str, path: str) -> list[str]:
    """Write for each field on the way to a path that it is there and no map."""
    parts = path.split(".")[:-1]
    return [f"type({'.?'.join([root, *parts[: end + 1]])}.orValue({{}})) != map" for end in range(len(parts))]


def _holder(root: str, path: str) -> str:
    """Write what has the `spec` at a path; what else stands for a spec is put into one."""
    *above, last = path.split(".")
    if last != "spec":
        return f"dyn({{'spec': {'.?'.join([root, *above, last])}.orValue({{}})}})"
    return f"{'.?'.join([root, *above])}.orValue({{}})" if above else root


def _values(field: str, of_map: str = "m.map(k, m[k])") -> str:
    """Write a list with one in it: the list of each value of a map, or of each item of a list."""
    return f"[{field}.orValue([])].map(m, type(m) == map ? {of_map} : type(m) == list ? m : dyn(['']))"


def _one(field: str) -> str:
    return f"({field}.hasValue() ? [{field}.value()] : [])"


def _maps(*found: str) -> str:
    """Write that one of these fields is there and no map."""
    return f"[{', '.join(found)}].exists(f, f.orValue(null) != null && type(f.value()) != map)"


def _lists(*found: str, of: str = "") -> str:
    """Write that one of these fields is there and no list, or no list of that."""
    items = f" || f.value().exists(i, type(i) != {of})" if of else ""
    return f"[{', '.join(found)}].exists(f, f.hasValue() && (type(f.value()) != list{items}))"


def _pod(rules: list[Rule], kinds: list[str]) -> str:
    """Write whether one pod is wanted. A template of an Argo workflow has a context of its own, or else its pod's."""
    shapes = list(dict.fromkeys(KINDS[kind].shape for kind in kinds))
    fields = [f"part.?{path.replace('.', '.?')}" for path in dict.fromkeys(p for s in shapes for p in s.containers)]
    lists = [field.removesuffix(".?*") for field in fields if field.endswith(".?*")]
    single = [field for field in fields if not field.endswith(".?*")]
    maps = ["spec.?os", *(f"spec.?{context}" for context in dict.fromkeys(s.context for s in shapes))]
    maps += sorted({field.rpartition(".?")[0] for field in (*lists, *single)} - {"part"})
    others = _names(kind for kind in kinds if KINDS[kind].shape is not POD_SPEC)
    spark = _names(kind for kind in kinds if KINDS[kind].shape == SPARK)
    parts, spec, holder, context = "[whole]", "part", "holder", "spec.?securityContext"
    if argo := _names(kind for kind in kinds if KINDS[kind].shape.parts):
        own = f"request.kind.kind in {argo} && part.?securityContext.orValue(null) != null"
        parts = f"([whole] + {_values('whole.?templates')}[0] + {_one('whole.?templateDefaults')})"
        spec, holder = (f"{own} ? part : {other}" for other in ("whole", "holder"))
    containers = [f"{field}.orValue([])" for field in lists]
    named = [field.removeprefix("part.?") for field in single if field.count(".?") == 1]
    containers += [f"{named}.filter(f, f in part).map(f, part[f])"] if named else []
    containers += [_one(field) for field in single if field.count(".?") > 1]
    containers += [_own(shape.own_context, kinds) for shape in shapes if shape.own_context]
    if spark:
        context = f"spec[?request.kind.kind in {spark} ? 'podSecurityContext' : 'securityContext']"
    text = f"""\
type(holder) != map || [holder.?spec.orValue({{}})].exists(whole, whole != null && whole != {{}} && (
type(whole) != map || [{parts}].exists(parts, size(parts) > {MOST} || parts.exists(part,
type(part) != map || [{spec}].exists(spec,
[({holder}).?metadata.orValue(spec.?metadata.orValue({{}}))].exists(metadata,
type(metadata) != map || [metadata.?annotations.orValue({{}})].exists(annotations,
type(annotations) != map ||
{_maps(*maps)} || {_lists(*lists)} || {_lists("spec.?volumes", of="map")} ||
[{context}.orValue(null) == null ? dyn({{}}) : {context}.value()].exists(context,
{_lists("context.?sysctls", of="map")} ||
[{" + ".join(containers)}].exists(containers, size(containers) > {MOST} ||
containers.exists(c, type(c) != map || type(c.?image.orValue('')) != string || {_maps("c.?securityContext")} ||
{_lists("c.?ports", "c.?env", "c.?volumeMounts", of="map")} || {_maps("c.?securityContext.?capabilities")} ||
{_lists("c.?securityContext.?capabilities.?add", "c.?securityContext.?capabilities.?drop", of="string")}) ||
{SKIPS}.orValue('') != 'none' && ({SKIPS}.hasValue() ||
[{IDS}.filter(id, type(id) == int || type(id) == double)].exists(ids,
[ids.filter(id, id >= {OPENSHIFT_RANGE[0]} && id <= {OPENSHIFT_RANGE[-1]})].exists(allocated,
[ids.filter(id, id >= 0 && id <= {LARGEST_ID} && !(id in allocated))].exists(foreign,
[request.kind.kind != 'Pod'].exists(template, [!(request.kind.kind in {others})].exists(pod_spec,
[template ? '' : annotations[?'openshift.io/scc'].orValue('')].exists(scc,
[{" || ".join(ASKS)}].exists(asks, [asks || {" || ".join(KEPT)}].exists(kept,
{_any(["asks && template && request.operation == 'CREATE' // we warn of it", *_said(rules, kinds, on_pod=True)])}"""
    return text + "\n" + ")" * (text.count("(") - text.count(")"))


def _own(context: str, kinds: list[str]) -> str:
    """Write the container that a pod spec itself stands for, of the kinds where it stands for one."""
    names = _names(kind for kind in kinds if KINDS[kind].shape.own_context == context)
    itself = "spec" if context == "securityContext" else f"{{'securityContext': spec.?{context}.orValue({{}})}}"
    return f"(request.kind.kind in {names} ? [{itself}] : [])"
