"""Search for the object that costs most to rewrite.

A hill climber. It starts from the shapes of `expensive` and an object of each kind, plants, repeats, names,
stretches, cuts and stores what is in them, and keeps what costs more CPU. A find above the bound is a defect: fix it,
and add its shape to tests/support/expensive.py.
"""

import json
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support import costs, expensive
from tests.support.evidence import Measured
from tests.support.samples import SAMPLES
from webhook.objects.model import Object, deep_copy
from webhook.workloads.kinds import kind_of
from webhook.workloads.pod import SKIP_ANNOTATION

BOUNDS: Final = {expensive.BRIEF: 0.1, expensive.LARGEST: 1.0}
"""Seconds of CPU that a body of at most so many bytes may cost."""

CONTEXTS: Final[tuple[Object, ...]] = (
    {},
    {"runAsUser": 1, "runAsGroup": 1},
    {"runAsUser": 0},
    {"privileged": True},
    {"fsGroup": 1},
)
VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "securityContext": (*CONTEXTS, {"sysctls": [{"name": "a", "value": "0"}]}, {"capabilities": {"add": ["A"]}}),
    "containers": ([{}], [{"name": "a", "securityContext": CONTEXTS[1]}]),
    "initContainers": ([{}],),
    "ephemeralContainers": ([{}],),
    "container": ({}, {"securityContext": CONTEXTS[1]}),
    "ports": ([{"containerPort": 80}], [{"name": "a", "containerPort": 80, "hostPort": 80}]),
    "env": ([{"name": "ENGINE_CONTAINER_USER", "value": "8888"}], [{}]),
    "image": ("seldon-core-operator", "a/jupyter/x-notebook", "pytorch-dist-mnist", "metacontroller/metacontroller"),
    "volumes": ([{}], [{"hostPath": {}}], [{"persistentVolumeClaim": {}}], [{"nfs": {}}], [{"emptyDir": {}}]),
    "volumeMounts": ([{"mountPath": "/a"}],),
    "annotations": tuple({key: "a"} for key in (SKIP_ANNOTATION, "openshift.io/required-scc")),
    "hostNetwork": (True,),
    "hostUsers": (False,),
    "serviceAccountName": ("a",),
    "outputs": ({"artifacts": [{"path": "/a/b"}]}, {"parameters": [{"valueFrom": {"path": "/a/b"}}]}),
    "templates": ([{}], [{"container": {}, "securityContext": {}}]),
    "rules": ([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],),
    "status": (costs.READY, {"conditions": [{"type": "Available"}]}),
    "ownerReferences": ([{"controller": False}],),
}  # fmt: skip
"""What rules look for, by the key that it is at."""

STORES: Final = 0.1
PIECES: Final = ("a,", "a\n", "- a\n", "a: b\n", "[", "{a: ", "jupyter/", "1", "1:", "/a", "-", "\u00e9", "&a ", "? ")


@dataclass(frozen=True, slots=True)
class Found:
    """An object that was tried, and what it costs."""

    kind: str
    obj: Object
    old: Object | None
    seconds: float = 0.0

    def body(self) -> bytes:
        return costs.body(self.kind, self.obj, self.old)


def starts() -> Iterator[Found]:
    """Yield what the search begins with: each shape, small, and an object of each kind."""
    for grow in expensive.SHAPES.values():
        obj, old = grow(1000)
        yield Found(kind_of(obj["apiVersion"], obj["kind"]), obj, old)
    yield from (Found(kind, obj, None) for kind, obj in SAMPLES.items())


def climb(dice: random.Random, size: int, goes_on: Callable[[int], bool]) -> list[Found]:
    """Try objects of at most so many bytes as long as `goes_on` says of their number; return the worst of each kind."""
    worst: dict[str, Found] = {}
    pool, tried = list(starts()), 0
    while goes_on(tried):
        tried += 1
        leaders = sorted(worst.values(), key=lambda found: -found.seconds)
        parent = dice.choice(leaders[:3]) if leaders and dice.random() < 0.6 else dice.choice([*pool, *leaders])
        child = mutated(dice, parent, size)
        body = child.body()
        if len(body) > size:
            continue
        best = worst.get(child.kind)
        seconds = costs.seconds(body)
        if not best or seconds > best.seconds:
            seconds = min(seconds, costs.seconds(body))  # not what another process cost
        if not best or seconds > best.seconds:
            worst[child.kind] = Found(child.kind, child.obj, child.old, seconds)
    return sorted(worst.values(), key=lambda found: -found.seconds)


def mutated(dice: random.Random, found: Found, size: int) -> Found:
    """Return an object that differs in a few places."""
    obj, old = deep_copy([found.obj, found.old])
    for _ in range(dice.choice((1, 1, 2, 3))):
        if dice.random() < STORES:
            old = stored(dice, obj, old)
        else:
            way = dice.choice((repeat, repeat, repeat, plant, plant, name, stretch, cut))
            way(dice, obj, max(0, size - 600 - len(json.dumps([obj, old]))))
    return Found(found.kind, obj, old)


def places(value: Any) -> Iterator[Any]:
    """Yield every map and list in a value; of long lists only the first and the last items."""
    if isinstance(value, dict | list):
        yield value
        inner = list(value.values()) if isinstance(value, dict) else value
        for each in inner if len(inner) <= 6 else [*inner[:3], *inner[-3:]]:
            yield from places(each)


def some(dice: random.Random, obj: Object, of: type) -> Any:
    return dice.choice([place for place in places(obj) if isinstance(place, of) and place] or [obj])


def repeat(dice: random.Random, obj: Object, room: int) -> None:
    """Say an item again and again, in a list or under other keys."""
    holder = some(dice, obj, dice.choice((list, list, dict)))
    key = dice.choice(range(len(holder)) if isinstance(holder, list) else list(holder))
    item = holder[key]
    count = int(dice.choice((1.0, 0.5, 0.1)) * room) // (len(json.dumps(item)) + (1 if isinstance(holder, list) else 9))
    if isinstance(holder, list):
        holder += [deep_copy(item) for _ in range(count)]
    elif holder is not obj:
        holder |= {f"{key}{number}": deep_copy(item) for number in range(count)}


def plant(dice: random.Random, obj: Object, _room: int) -> None:
    """Put what rules look for into a map, or into all maps of a list."""
    key = dice.choice(list(VALUES))
    value = dice.choice(VALUES[key])
    holder = some(dice, obj, dice.choice((list, dict)))
    for each in holder if isinstance(holder, list) else [holder]:
        if isinstance(each, dict) and each is not obj:
            each[key] = deep_copy(value)
    if key in ("rules", "status"):
        obj[key] = deep_copy(value)


def name(dice: random.Random, obj: Object, _room: int) -> None:
    """Give each item of a list a name of its own."""
    for number, each in enumerate(some(dice, obj, list)):
        if isinstance(each, dict):
            each["name"] = f"{number}"


def stretch(dice: random.Random, obj: Object, room: int) -> None:
    """Make a text long."""
    holder = some(dice, obj, dict)
    keys = [
        key for key, value in holder.items() if isinstance(value, str) and key not in ("apiVersion", "kind", "name")
    ]
    if keys:
        piece = "".join(dice.choices(PIECES, k=dice.choice((1, 1, 2))))
        head = holder[key] if (key := dice.choice(keys)) and dice.random() < 0.5 else ""
        holder[key] = head + piece * (int(dice.choice((1.0, 0.3)) * room) // (2 * len(piece) + 1))


def cut(dice: random.Random, obj: Object, _room: int) -> None:
    """Take a key, or half of a list."""
    holder = some(dice, obj, dice.choice((list, dict)))
    if isinstance(holder, list):
        del holder[len(holder) // 2 :]
    elif holder is not obj and (keys := [key for key in holder if key != "name"]):
        del holder[dice.choice(keys)]


def stored(dice: random.Random, obj: Object, old: Object | None) -> Object | None:
    """Make it an UPDATE of itself, its lists reversed or not; or a CREATE again."""
    if old and dice.random() < 0.5:
        return None
    before: Object = deep_copy(obj) | {"status": costs.READY}
    if dice.random() < 0.5:
        for place in places(before):
            if isinstance(place, list):
                place.reverse()
    return before


def measure(seed: int, cases: int) -> Measured:
    """Return what the most expensive body of each kind costs after so many tries for each size."""
    figures: dict[str, Any] = {"loopMilliseconds": round(costs.loop() * 1000, 1)}
    wrong = []
    for size, bound in BOUNDS.items():
        found = climb(random.Random(seed), size, lambda tried: tried < cases)
        figures[str(size)] = {each.kind: round(each.seconds * 1000, 1) for each in found[:8]}
        for each in (each for each in found if each.seconds > bound):
            file = Path(tempfile.mkdtemp(), f"{size}-{each.kind}.json")
            file.write_bytes(each.body())
            wrong.append(f"{each.kind} of {size} bytes: {each.seconds * 1000:.0f} ms: {file}")
    return figures, wrong
