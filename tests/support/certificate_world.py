"""A cluster for keepers, in memory: its API server's rules for two objects, its clock, and everyone's stale views.

Keepers run as threads of which one moves at a time, from one request to the next, in an order drawn from a seed; so
two keepers meet in every way they can, and one may be killed between any two requests, or between a write and its
answer.
"""

import base64
import copy
import datetime as dt
import functools
import itertools
import random
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from certs import authority, keeper, secret
from certs.authority import Certificate, Identity
from certs.protocol import Policy, State
from certs.store import Names, Store

NAMES = Names("ns", "certificate", "zz")
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
STALE = 60
"""Seconds that a server may still hold the last serving.pem, and an API server the last caBundle."""
WANTED = Policy(("a.ns.svc",), 365, 30, dt.timedelta(seconds=STALE), dt.timedelta(seconds=STALE))
ENOUGH = STALE + 1  # clocks in headers have no fractions
MOST_ASKED = 1000  # no keeper here sends 600 requests; one that never stops fails its test

T = TypeVar("T")
Answer = tuple[int, dict[str, Any], dt.datetime]


class Killed(BaseException):
    """This keeper was killed: nothing of it runs on."""


@functools.cache
def issued(ca: Certificate, leaf: Certificate) -> bool:
    return authority.issued(ca, leaf)


class Ended(Exception):
    """Raised instead of an endless loop."""


class World:
    """What is stored, and what it was within the last STALE seconds."""

    def __init__(self, entries: int = 3) -> None:
        self.seconds = 0.0
        self.version = 1
        self.secret: dict[str, Any] | None = {"metadata": {"name": NAMES.secret, "resourceVersion": "1"}}
        self.registered: dict[str, Any] | None = {
            "metadata": {"name": NAMES.configuration, "resourceVersion": "1"},
            "webhooks": [{"clientConfig": {}} for _ in range(entries)],
        }
        self.leaves: list[tuple[float, Certificate]] = []
        self.bundles: list[tuple[float, tuple[Certificate, ...]]] = []
        self.broken: list[str] = []
        self.asked = 0

    def now(self) -> dt.datetime:
        return START + dt.timedelta(seconds=int(self.seconds))

    def ask(self, method: str, path: str, body: Any) -> Answer:
        """Answer as the API server would; fail the test of a keeper that never stops."""
        self.asked += 1
        assert self.asked < MOST_ASKED
        is_secret = "/secrets" in path
        stored = self.secret if is_secret else self.registered
        if method == "GET":
            found = {"details": {}} if stored is None else copy.deepcopy(stored)
            return (HTTPStatus.OK if stored is not None else HTTPStatus.NOT_FOUND), found, self.now()
        if stored is None and method != "POST":
            return HTTPStatus.NOT_FOUND, {}, self.now()
        if stored is not None and (
            method == "POST" or self._version(method, body) != stored["metadata"]["resourceVersion"]
        ):
            return HTTPStatus.CONFLICT, {}, self.now()
        new: dict[str, Any] = copy.deepcopy(body if is_secret else self.registered or {})
        for change in [] if is_secret else body[1:]:
            new["webhooks"][int(change["path"].split("/")[2])]["clientConfig"]["caBundle"] = change["value"]
        self.store(is_secret=is_secret, value=new)
        return HTTPStatus.OK, new, self.now()

    @staticmethod
    def _version(method: str, body: Any) -> str:
        version: str = body["metadata"]["resourceVersion"] if method == "PUT" else body[0]["value"]
        return version

    def store(self, *, is_secret: bool, value: dict[str, Any] | None) -> None:
        """Store an object, or delete it, and remember what servers or API servers may still see."""
        self.version += 1
        if value is not None:
            value["metadata"]["resourceVersion"] = str(self.version)
        if is_secret:
            self.secret = value
            state, _ = secret.read((value or {}).get("data") or {})
            if state.leaf:  # a server whose Secret is gone or unreadable serves the last good one
                self.leaves.append((self.seconds, state.leaf.certificate))
        else:
            self.registered = value
            for entry in (value or {"webhooks": []})["webhooks"]:
                found = authority.certificates(base64.b64decode(entry["clientConfig"].get("caBundle", "")))
                if found:  # wiping a caBundle is not the keeper's doing
                    self.bundles.append((self.seconds, found))
        self.check()

    def check(self) -> None:
        """INV-CERT: every leaf that some server may serve now is accepted by every API server, whatever it sees."""
        leaves, bundles = self._recent(self.leaves), self._recent(self.bundles)
        for leaf in leaves:
            for bundle in bundles:
                if not any(issued(ca, leaf) for ca in bundle):
                    self.broken.append(f"at {self.seconds:.0f} s a leaf may be served that some API server refuses")

    def _recent(self, history: list[tuple[float, T]]) -> list[T]:
        past = itertools.pairwise(history[-50:])
        stale = [value for (_, value), (until, _) in past if until > self.seconds - STALE]
        return [*(value for _, value in history[-1:]), *stale]


class Turns(Store):
    """A store whose every request waits for its turn, and which may be killed at any."""

    def __init__(self, world: World) -> None:
        self.names = NAMES
        self.secrets = f"/api/v1/namespaces/{NAMES.namespace}/secrets"
        self.world = world
        self.go, self.waits = threading.Semaphore(0), threading.Semaphore(0)
        self.killed = ""

    def ask(self, method: str, path: str, body: object = None, content_type: str = "") -> Answer:  # noqa: ARG002 - as the store has it
        self.pause("before")
        answer = self.world.ask(method, path, body)
        self.pause("after")
        return answer

    def pause(self, when: str) -> None:
        """Let somebody else move; end here if this is where the keeper is killed."""
        if threading.current_thread() is threading.main_thread():
            return
        self.waits.release()
        self.go.acquire()
        if self.killed == when:
            raise Killed


class Keeper:
    """A keeper that runs until it is killed or told to end, one request at a time."""

    def __init__(self, world: World, policy: Policy) -> None:
        self.store = Turns(world)
        self.policy = policy
        self.ends = False
        self.problem: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self._await()

    def _run(self) -> None:
        try:
            while not self.ends:
                if not keeper.reconcile_once(self.store, self.policy, None):
                    self.store.pause("idle")
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - the waiting thread raises it
            self.problem = error
        finally:
            self.store.waits.release()

    def move(self) -> None:
        """Let it continue until it waits again."""
        self.store.go.release()
        self._await()

    def _await(self) -> None:
        self.store.waits.acquire()
        if self.problem:
            raise self.problem

    def kill(self, when: str) -> None:
        """Kill it at its next request, before or after the API server did what it asked; at once when it idles."""
        self.store.killed = when
        while self.thread.is_alive():
            self.move()


def live(world: World, policy: Policy, keepers: int, seed: int, faults: Callable[[random.Random, World], None]) -> None:
    """Let keepers tend a world for a while, replacing those that are killed, with faults in between."""
    chance = random.Random(seed)
    running = [Keeper(world, policy) for _ in range(keepers)]
    for _ in range(600):
        index = chance.randrange(keepers)
        if chance.random() < 0.03:
            running[index].kill(chance.choice(["before", "after"]))
            running[index] = Keeper(world, policy)
        running[index].move()
        world.seconds += chance.choice([0, 0, 0.01, 1, 10])
        faults(chance, world)
    for one in running:
        one.ends = True
        one.kill("idle")


def state_of(world: World) -> State:
    return secret.read((world.secret or {}).get("data") or {})[0]


def quiet() -> World:
    """Return a world that a keeper has tended until nothing was left to do."""
    world = World()
    tend(world)
    return world


def tend(world: World, policy: Policy = WANTED) -> State:
    while keeper.reconcile_once(Turns(world), policy, None):
        pass
    return state_of(world)


def number(own: Identity | None) -> str:
    """Return the serial number of a certificate that is there, as logs and lists have it."""
    assert own
    return f"{own.certificate.serial_number:x}"[:16]
