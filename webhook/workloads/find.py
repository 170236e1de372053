"""Where the pods are inside an object: the only place that finds them."""

from collections.abc import Iterator
from dataclasses import replace

from webhook.objects.model import Object, Pointer, Request, lookup, mapping
from webhook.settings.model import Settings
from webhook.workloads.kinds import KINDS, Kind, kind_of
from webhook.workloads.pod import PodView, Shape, expand


def view_pod(
    request: Request, at: Pointer, shape: Shape, settings: Settings, *, running: Object | None = None
) -> PodView | None:
    """Return a view of one pod of a request's object; None if it is empty or exempt.

    `running` is the stored object, if its pods may run.
    Raises UnknownShape if a field is not what a pod spec has there.
    """
    obj = request.object or {}
    if not mapping(obj, at):
        return None
    is_pod = request.kind == "Pod"
    scc = mapping(obj, ("metadata", "annotations")).get("openshift.io/scc") if is_pod else None
    view = PodView(obj, at, shape, settings, not is_pod, str(scc or ""), request.namespace, running=running)
    return None if all(view.exempt(part) for part in view.parts()) else view


def find_pod_specs(obj: Object, kind: str, at: Pointer = ()) -> Iterator[tuple[Pointer, Shape]]:
    """Yield the pointer and shape of each pod spec of an object. Raises UnknownShape."""
    facts = KINDS.get(kind, Kind(""))
    paths = (*((path, facts.shape) for path in facts.pods), *facts.others)
    found = {spec_at: shape for path, shape in paths for spec_at in expand(obj, at, path)}
    joined = _joined(found)
    for spec_at, shape in found.items():
        yield spec_at, replace(shape, joined=joined[spec_at]) if spec_at in joined else shape
        for part in (part for path in shape.parts for part in expand(obj, spec_at, path)):
            if lookup(obj, (*part, facts.shape.context)) is not None:
                of_all = ((spec_at, shape),) if part[-1] == "templateDefaults" else ()
                yield part, replace(shape, parts=(), above=len(part) - len(spec_at), joined=of_all)
    for path in facts.objects:
        for inner_at in expand(obj, at, path):
            inner = mapping(obj, inner_at)
            yield from find_pod_specs(obj, kind_of(inner.get("apiVersion"), inner.get("kind")), inner_at)


def _joined(found: dict[Pointer, Shape]) -> dict[Pointer, tuple[tuple[Pointer, Shape], ...]]:
    """Return for each pod spec the others that the controller merges with it."""
    joined: dict[Pointer, tuple[tuple[Pointer, Shape], ...]] = {}
    for at, shape in found.items():
        for steps, way in shape.beside:
            if (other := (*at[:-steps], *way)) in found:
                joined[at] = (*joined.get(at, ()), (other, found[other]))
                joined[other] = (*joined.get(other, ()), (at, shape))
    return joined


def unread(request: Request, at: Pointer, shape: Shape) -> Iterator[Pointer]:
    """Yield the pointer of each new text that sets a security context when the pod is created."""
    for text_at in (found for path in shape.texts for found in expand(request.object or {}, at, path)):
        text = lookup(request.object, text_at)
        if isinstance(text, str) and "securityContext" in text and lookup(request.old, text_at) != text:
            yield text_at
