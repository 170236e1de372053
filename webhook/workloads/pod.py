"""A pod inside an object, as rules see it: a Pod, a pod template, or a spec that a controller makes a pod of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from types import NoneType
from typing import Any, Final, NamedTuple, cast

from webhook.objects.model import Object, Pointer, UnknownShape, lookup, mapping, same_field_in, sequence
from webhook.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a pod spec has its security context and its containers. Paths as in `expand`."""

    context: str = "securityContext"
    """The pod's security context; "" if it cannot have one here."""
    containers: tuple[str, ...] = ("initContainers.*", "containers.*", "ephemeralContainers.*")
    own_context: str = ""
    """The security context of the container that this spec itself describes; "" if it describes none."""
    parts: tuple[str, ...] = ()
    """Parts that hold containers. Each is a pod of its own and may have its own security context."""
    texts: tuple[str, ...] = ()
    """Strings that patch the pod when it is created. No rule rewrites them."""
    above: int = 0
    """How many steps above a part is the spec that it inherits from; 0 for a whole pod."""
    beside: tuple[tuple[int, Pointer], ...] = ()
    """Where else the pod is described, as steps up and the path down: its account, mounts, and mounted volumes."""
    joined: "tuple[tuple[Pointer, Shape], ...]" = field(default=(), compare=False)
    """Other specs that the controller merges into the same pod, each with its shape. They share one decision."""


POD_SPEC: Final = Shape()
SKIP_ANNOTATION: Final = "kubeflow-openshift/rules"
IDS: Final = ("runAsUser", "runAsGroup", "fsGroup")
OF_THE_POD: Final = ("hostNetwork", "hostPID", "hostIPC", "hostUsers")
LISTS: Final = ("initContainers", "containers", "ephemeralContainers")


def expand(obj: Object, at: Pointer, path: str) -> Iterator[Pointer]:
    """Yield the pointer of everything that exists at a dotted path below a pointer.

    `*` is each value of a map or a list; `[]` each item of a list, or the one thing that stands in its place.
    Raises UnknownShape where `*` or `[]` meets neither.
    """
    return (found for found, _ in _expanded(lookup(obj, at), at, names(path)))


@cache
def names(path: str) -> tuple[str, ...]:
    """Return the names in a path. Cached: paths come from KINDS, so there are few."""
    return tuple(path.split(".")) if path else ()


def _expanded(value: Any, at: Pointer, way: Sequence[str]) -> Iterator[tuple[Pointer, Any]]:
    for index, name in enumerate(way):
        if name == "[]" and isinstance(value, dict):
            continue
        if name in ("*", "[]"):
            if not isinstance(value, (dict, list, NoneType)):
                raise UnknownShape(at, "a map or a list")
            rest = way[index + 1 :]
            for part, inner in value.items() if isinstance(value, dict) else enumerate(value or ()):
                if rest:
                    yield from _expanded(inner, (*at, part), rest)
                else:
                    yield (*at, part), inner
            return
        value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            return
        at = (*at, name)
    yield at, value


class Container(NamedTuple):
    """One container of a pod and its security context, which is empty if it has none."""

    at: Pointer
    value: Object
    context_at: Pointer
    context: Object
    part: Pointer
    """The pod, or the part of it, that the container runs in."""


@dataclass(slots=True)
class PodView:
    """A read-only view of a pod inside an object. Pointers start at the object's root."""

    object: Object
    at: Pointer
    """Where the pod spec is."""
    shape: Shape
    settings: Settings
    template: bool = True
    """Whether pods are made from it; False for a Pod itself."""
    scc: str = ""
    """The SCC that admitted a Pod; "" for a template."""
    namespace: str = ""
    sent: "PodView | None" = None
    """The pod as it was sent; None if this view shows it."""
    running: Object | None = None
    """The stored object, if its pods may run under a grant."""
    found: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Results of `containers` and `security_context`, for this object only."""
    decided: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Decisions of webhook/workloads/identity.py on the pod as it was sent, shared by all its views."""

    def changed(self, obj: Object) -> "PodView":
        """Return a view of the same pod in the object that rules have changed."""
        facts = self.template, self.scc, self.namespace
        return PodView(obj, self.at, self.shape, self.settings, *facts, self, self.running, decided=self.decided)

    def metadata_at(self) -> Pointer:
        """Return where the metadata is: beside the spec of a template, else inside the spec."""
        return (*(self.at[:-1] if self.at[-1:] == ("spec",) else self.at), "metadata")

    def joined(self) -> "list[PodView]":
        """Return views of the specs that the controller merges with this one."""
        return [replace(self, at=at, shape=shape, found={}, decided={}) for at, shape in self.shape.joined]

    def parts(self) -> list[Pointer]:
        """Return the pods that this spec describes: itself, or the parts that share its security context."""
        if not self.shape.parts:
            return [self.at]
        parts = (part for path in self.shape.parts for part in expand(self.object, self.at, path))
        return [part for part in parts if lookup(self.object, (*part, self.shape.context)) is None] or [self.at]

    def _inherited(self, part: Pointer) -> tuple[Pointer, ...]:
        """Return where a part's account, volumes and annotations may be, its own first."""
        if not (self.shape.parts or self.shape.above):
            return (part, *((*self.at[:-steps], *way) for steps, way in self.shape.beside))
        spec = self.at[: len(self.at) - self.shape.above]
        return tuple(dict.fromkeys((part, (*spec, "templateDefaults"), spec)))

    def account(self, part: Pointer) -> str:
        """Return the name of the service account that a part runs as."""
        for at in self._inherited(part):
            spec = lookup(self.object, at)
            found = isinstance(spec, dict) and (spec.get("serviceAccountName") or spec.get("serviceAccount"))
            if found:
                return found if isinstance(found, str) else "default"
        return "default"

    def exempt(self, part: Pointer) -> bool:
        """Check whether the configuration or its own annotation exempts a part."""
        skips = bool(self.shape.parts) and part != self.at and self.annotations(part).get(SKIP_ANNOTATION) == "none"
        return skips or self.settings.exempts(self.namespace, self.account(part))

    def annotations(self, part: Pointer) -> Object:
        """Return the annotations that a part's pods get."""
        if part == self.at and not self.shape.above:
            places = (*((*at, "annotations") for at in self._inherited(part)), (*self.metadata_at(), "annotations"))
            return {key: value for at in places for key, value in mapping(self.object, at).items()}
        spec = self._inherited(part)[-1]
        found = [(*spec, "podMetadata"), *((*at, "metadata") for at in self._inherited(part)[-2::-1])]
        return {key: value for at in found for key, value in mapping(self.object, (*at, "annotations")).items()}

    def made(self, *parts: Pointer, ids: bool = True) -> Object:
        """Return the Pod made of parts with the fields that SCC reads; without its IDs unless `ids` is set."""
        leave_out = () if ids else IDS
        holders = [mapping(self.object, at) for at in self._inherited(parts[0])]
        set_ = ((key, [each[key] for each in holders if each.get(key) is not None]) for key in OF_THE_POD)
        spec: Object = {key: values[0] if values else None for key, values in set_}
        spec["volumes"] = self.volumes(*parts)
        spec["securityContext"] = _without(self.security_context()[1], leave_out)
        if "containers" not in self.decided:  # so that each of many parts finds its own
            for each in self.containers():
                self.decided.setdefault("containers", {}).setdefault(each.part, []).append(each)
        for container in (each for part in parts for each in self.decided.get("containers", {}).get(part, ())):
            group = str(container.at[-2]) if container.at[-2:-1] and container.at[-2] in LISTS else "containers"
            made = {key: container.value.get(key) for key in ("name", "ports")}
            made["securityContext"] = _without(container.context, leave_out)
            spec.setdefault(group, []).append(made)
        return {"metadata": {"annotations": dict(self.annotations(parts[0]))}, "spec": spec}

    def volumes(self, *parts: Pointer) -> list[Object]:
        """Return the volumes of parts, with those that they inherit."""
        holders = dict.fromkeys(at for part in parts for at in self._inherited(part))
        volumes = ((at, volume) for at in holders for volume in sequence(self.object, (*at, "volumes")))
        if not self.shape.beside:
            return [volume for _, volume in volumes]
        mounts = {str(mount.get("name")) for at in holders for mount in sequence(self.object, (*at, "volumeMounts"))}
        return [volume for at, volume in volumes if at in parts or str(volume.get("name")) in mounts]

    def security_context(self) -> tuple[Pointer, Object]:
        """Return the pointer and the value of the pod's own security context."""
        if "context" not in self.found:
            at = (*self.at, self.shape.context)
            self.found["context"] = at, mapping(self.object, at)
        return cast("tuple[Pointer, Object]", self.found["context"])

    def contexts_at(self) -> list[Pointer]:
        """Return the pointer of each possible security context: the pod's and each container's."""
        sent = self.sent or self  # no rule adds a container
        return [sent.security_context()[0], *(each.context_at for each in sent.containers())]

    def containers(self) -> Sequence[Container]:
        """Return every container: init, regular and ephemeral. Cached, because nearly every rule needs them."""
        if "containers" not in self.found:
            self.found["containers"] = list(self._walk())
        return cast("Sequence[Container]", self.found["containers"])

    def _walk(self) -> Iterator[Container]:
        """Yield every container. No other code walks them."""
        if self.shape.own_context:
            yield _container(self.at, lookup(self.object, self.at), self.shape.own_context, self.at)
        for part in (self.sent or self).parts():  # a rule may give a part a security context of its own
            if not self.shape.parts or (part != self.at and not self.exempt(part)):
                yield from self._listed(part)

    def _listed(self, at: Pointer) -> Iterator[Container]:
        spec = lookup(self.object, at)
        for path in self.shape.containers:
            for container_at, value in _expanded(spec, at, names(path)):
                yield _container(container_at, value, "securityContext", at)

    def runs_with(self, at: Pointer) -> bool:
        """Check whether the stored object, whose pods may run, has the same value at a pointer."""
        return self.running is not None and same_field_in(self.object, self.running, at) == lookup(self.object, at)

    def has_final_images(self) -> bool:
        """Check whether pods get these images. A TrainJob may replace those of a training runtime."""
        return not str(self.object.get("kind")).endswith("TrainingRuntime")

    def mounts_claim(self) -> bool:
        """Check whether the pod mounts a PersistentVolumeClaim, its own or its StatefulSet's."""
        volumes = sequence(self.object, (*self.at, "volumes"))
        templates = lookup(self.object, ("spec", "volumeClaimTemplates"))
        return bool(templates) or any(volume.get("persistentVolumeClaim") for volume in volumes)


def _without(context: Object, keys: Sequence[str]) -> Object:
    return {key: value for key, value in context.items() if value is not None and key not in keys}


def _container(at: Pointer, value: Any, context: str, part: Pointer) -> Container:
    context_at = (*at, context)
    if not isinstance(value, (dict, NoneType)):
        raise UnknownShape(at, "a map")
    own = value.get(context) if value else None
    if not isinstance(own, (dict, NoneType)):
        raise UnknownShape(context_at, "a map")
    return Container(at, value or {}, context_at, own or {}, part)
