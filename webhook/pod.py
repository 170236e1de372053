"""A pod inside an object, as rules see it: alike whether it is a Pod, a pod template, or stands for one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Final, NamedTuple, TypeGuard

from webhook.model import Object, Pointer, UnknownShape, counterpart, lookup, mapping, sequence
from webhook.settings import Settings

LARGEST_ID: Final = 2**31 - 1  # the API server refuses others, and shall


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a pod spec, or what stands for one, has its security context and its containers (paths, see `expand`)."""

    context: str = "securityContext"
    """The pod's security context; "" where it cannot have one here."""
    containers: tuple[str, ...] = ("initContainers.*", "containers.*", "ephemeralContainers.*")
    own_context: str = ""
    """The security context of the container that the pod spec itself stands for; "" where it stands for none."""
    parts: tuple[str, ...] = ()
    """Parts that hold containers, and are pods of their own where they have a security context of their own."""
    texts: tuple[str, ...] = ()
    """Texts that change the pod when it is created: nobody rewrites them."""


POD_SPEC: Final = Shape()


def expand(obj: Object, at: Pointer, path: str) -> Iterator[Pointer]:
    """Yield the pointer of everything that a dotted path finds below a pointer: only what is there.

    `*` is each value of a map or a list; `[]` each item of a list, or the one thing that stands in its place.
    Raises UnknownShape where `*` or `[]` meets neither.
    """
    return (found for found, _ in _expanded(lookup(obj, at), at, path.split(".") if path else []))


def _expanded(value: Any, at: Pointer, names: Sequence[str]) -> Iterator[tuple[Pointer, Any]]:
    for index, name in enumerate(names):
        if name == "[]" and isinstance(value, dict):
            continue
        if name in ("*", "[]"):
            if not isinstance(value, (dict, list, NoneType)):
                raise UnknownShape(at, "a map or a list")
            for part, inner in value.items() if isinstance(value, dict) else enumerate(value or ()):
                yield from _expanded(inner, (*at, part), names[index + 1 :])
            return
        value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            return
        at = (*at, name)
    yield at, value


class Container(NamedTuple):
    """One container of a pod, wherever it is listed, and its security context (empty where it has none)."""

    at: Pointer
    value: Object
    context_at: Pointer
    context: Object


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod inside an object. Pointers are from the object's root."""

    object: Object
    at: Pointer
    """Of the pod spec."""
    shape: Shape
    settings: Settings
    template: bool = True
    """Whether pods are made from it; False for a Pod itself."""
    scc: str = ""
    """The SCC that judged it, known of a Pod that arrives after OpenShift's plugin."""
    identity_kept: str = ""
    """Why nobody may touch its identity; empty where rules may."""
    sent: "Pod | None" = None
    """The same pod as it came, before any rule; None where this is it."""
    working: Object | None = None
    """The stored object, where its workload reports ready pods: what it says there was granted by somebody."""
    walked: list[Container] = field(default_factory=list, repr=False, compare=False)
    """What `containers` found; another object needs another list."""

    def metadata_at(self) -> Pointer:
        """Return where its labels and annotations are: beside the spec of a template, within what stands for one."""
        return (*(self.at[:-1] if self.at[-1] == "spec" else self.at), "metadata")

    def security_context(self) -> tuple[Pointer, Object]:
        """Return where the pod's own security context is, and what it says."""
        at = (*self.at, self.shape.context)
        return at, mapping(self.object, at)

    def containers(self) -> Sequence[Container]:
        """Return every container: init, regular, ephemeral; found once, since nearly every rule asks."""
        if not self.walked:
            self.walked.extend(list(self._walk()))  # all of them, or none where one is no container
        return self.walked

    def _walk(self) -> Iterator[Container]:
        """Yield every container. The one place that walks them."""
        if self.shape.own_context:
            yield _container(self.at, lookup(self.object, self.at), self.shape.own_context)
        for path in self.shape.parts:
            for part in expand(self.object, self.at, path):
                if lookup(self.object, (*part, self.shape.context)) is None:
                    yield from self._listed(part)
        if not self.shape.parts:
            yield from self._listed(self.at)

    def _listed(self, at: Pointer) -> Iterator[Container]:
        spec = lookup(self.object, at)
        for path in self.shape.containers:
            for container_at, value in _expanded(spec, at, path.split(".")):
                yield _container(container_at, value, "securityContext")

    def allocated(self, value: Any) -> TypeGuard[int]:
        """Tell whether a value is an id that OpenShift allocates; 100.0, "100" and true are no ids."""
        return type(value) is int and self.settings.allocates(value)

    def foreign(self, at: Pointer) -> bool:
        """Tell whether the id at a pointer is one that OpenShift did not allocate and nobody granted."""
        value = lookup(self.object, at)
        if type(value) is not int or not 0 <= value <= LARGEST_ID or self.settings.allocates(value):
            return False
        return not self.identity_kept and not self.works_with(at)

    def makes_root(self) -> bool:
        """Tell whether a container that loses its own UID becomes root, by a 0 of the pod's that stays."""
        at = (*self.at, self.shape.context, "runAsUser")
        goes = self.foreign(at) and self.settings.enables("run-as-user", default=True)
        return lookup(self.object, at) == 0 and not goes

    def works_with(self, at: Pointer) -> bool:
        """Tell whether the workload has ready pods and its stored object says the same at a pointer."""
        return self.working is not None and counterpart(self.object, self.working, at) == lookup(self.object, at)

    def mounts_claim(self) -> bool:
        """Tell whether the pod has files that outlive it: a PersistentVolumeClaim, its own or its StatefulSet's."""
        volumes = sequence(self.object, (*self.at, "volumes"))
        templates = lookup(self.object, ("spec", "volumeClaimTemplates"))
        return bool(templates) or any(volume.get("persistentVolumeClaim") for volume in volumes)


def _container(at: Pointer, value: Any, context: str) -> Container:
    own = value.get(context) if isinstance(value, dict) else None
    for found, found_at in ((value, at), (own, (*at, context))):
        if not isinstance(found, (dict, NoneType)):
            raise UnknownShape(found_at, "a map")
    return Container(at, value or {}, (*at, context), own or {})
