"""Keep the certificates as they should be: look, take one step, write it down, and look again."""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from certs import authority, protocol
from certs.protocol import Force, State, Wanted
from certs.store import Forbidden, NotDone, Seen, Store

EVERY: Final = 5
"""Seconds between two looks: two small requests, and a caBundle that somebody wiped is back before people notice."""


def ensure(store: Store, wanted: Wanted, out: Path | None) -> None:
    """Keep the certificates for ever; what cannot be done now is said once and tried again."""
    said = ""
    while True:
        try:
            busy, problem = tend(store, wanted, out), ""
        except NotDone as error:
            busy, problem = False, str(error)
        if problem and problem != said:
            log("not done", problem=problem)
        said = problem
        if not busy:
            time.sleep(EVERY)


def tend(store: Store, wanted: Wanted, out: Path | None, force: Force = "nothing") -> bool:
    """Look once and do one thing; return whether there may be more to do at once. Raises NotDone."""
    seen = store.look()
    problems = list(seen.problems)
    try:
        if store.trust(seen):
            log("caBundle written", authorities=len(seen.state.bundle()))
            return True
    except Forbidden as error:  # no reason not to renew what is trusted already
        problems.append(str(error))
    if out:
        publish(out, seen)
    state = protocol.step(seen.state, seen.trust, wanted, seen.now, force)
    if state is seen.state:
        if problems:
            raise NotDone("; ".join(problems))
        return False
    if not store.keep(seen, state):
        return False  # somebody was faster; they go on
    log("step", before=seen.state.phase(), after=state.phase(), **_serials(state))
    return True


def begin(store: Store, wanted: Wanted, out: Path | None, what: Force, before: State) -> None:
    """Take the step that nothing but a person's wish calls for, however often others are faster. Raises NotDone."""
    while not _begun(store.look().state, before, what):
        if not tend(store, wanted, out, what):
            time.sleep(1)


def _begun(state: State, before: State, what: Force) -> bool:
    """Tell whether a new leaf or a next CA is there; one that somebody else began counts."""
    if what == "ca" and state.next_ca:
        return True
    old, new = (before.ca, state.ca) if what == "ca" else (before.leaf, state.leaf)
    return new is not None and (old is None or old.certificate != new.certificate)


def settled(store: Store, wanted: Wanted, out: Path | None, waiting: Callable[[Seen], None]) -> None:
    """Go on until nothing is left to do: no CA waits or retires, and all entries trust what they should.

    Raises NotDone where the cluster refuses; the certificates then are in some state of the protocol, from which
    `ensure` goes on.
    """
    while True:
        if tend(store, wanted, out):
            continue
        seen = store.look()
        if seen.state.phase() == "steady" and _trusted(seen):
            return
        waiting(seen)
        time.sleep(1)


def publish(folder: Path, seen: Seen) -> None:
    """Write serving.pem and ca.crt for a server on this machine, each replaced in one move.

    A leaf is published only when this look has seen its CA in every caBundle.
    """
    state = seen.state
    if state.leaf and _trusted(seen):
        _replace(folder / "serving.pem", state.leaf.pem())
    if state.bundle():
        _replace(folder / "ca.crt", authority.pem(state.bundle()))


def _trusted(seen: Seen) -> bool:
    """Tell whether the API server would accept the leaf now, for every entry."""
    state = seen.state
    return bool(
        state.leaf
        and state.ca
        and authority.issued(state.ca.certificate, state.leaf.certificate)
        and seen.trust.includes(state.ca.certificate)
    )


def _replace(path: Path, content: bytes) -> None:
    with suppress(OSError):
        if path.read_bytes() == content:
            return
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.touch(mode=0o600)
        new.write_bytes(content)
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise NotDone(f"{path}: cannot be written: {error.strerror}") from None


def _serials(state: State) -> dict[str, str]:
    owned = {"ca": state.ca, "next_ca": state.next_ca, "leaf": state.leaf}
    return {name: f"{own.certificate.serial_number:x}"[:16] for name, own in owned.items() if own}


def log(event: str, **fields: Any) -> None:
    """Write one JSON line; never a key."""
    sys.stdout.write(json.dumps({"event": event, **fields}, separators=(",", ":")) + "\n")
    sys.stdout.flush()
