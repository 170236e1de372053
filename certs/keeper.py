"""Reconcile the certificates: read the cluster, write one step of the protocol, repeat."""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from certs import authority, protocol
from certs.api import Forbidden, NotDone
from certs.protocol import Force, Policy, State
from certs.store import Seen, Store

EVERY: Final = 5
"""Seconds between reads. Each read is two small requests; a wiped CA bundle is restored within this time."""


def run_forever(store: Store, policy: Policy, out: Path | None) -> None:
    """Reconcile until the process ends. Log each problem once and retry."""
    logged = ""
    while True:
        try:
            busy, problem = reconcile_once(store, policy, out), ""
        except NotDone as error:
            busy, problem = False, str(error)
        if problem and problem != logged:
            log("not done", problem=problem)
        logged = problem
        if not busy:
            time.sleep(EVERY)


def reconcile_once(store: Store, policy: Policy, out: Path | None, force: Force = "nothing") -> bool:
    """Read the cluster and write at most one change. Return whether to call again at once. Raises NotDone."""
    seen = store.read()
    problems = list(seen.problems)
    try:
        if store.write_ca_bundles(seen):
            log("caBundle written", authorities=len(seen.state.bundle()))
            return True
    except Forbidden as error:  # continue: the leaf can still be renewed under a CA that is trusted already
        problems.append(str(error))
    if out:
        publish(out, seen)
    state = protocol.step(seen.state, seen.trust, policy, seen.now, force)
    if state is seen.state:
        if problems:
            raise NotDone("; ".join(problems))
        return False
    if not store.write_secret(seen, state):
        return False  # another keeper wrote first
    log("step", before=seen.state.phase(), after=state.phase(), **_serials(state))
    return True


def force_rotation(store: Store, policy: Policy, out: Path | None, what: Force, before: State) -> None:
    """Start a rotation that is not due, retrying if another keeper writes first. Raises NotDone."""
    while not _is_rotated(store.read().state, before, what):
        if not reconcile_once(store, policy, out, what):
            time.sleep(1)


def _is_rotated(state: State, before: State, what: Force) -> bool:
    """Check whether there is a new leaf or a next CA, from this keeper or another."""
    if what == "ca" and state.next_ca:
        return True
    old, new = (before.ca, state.ca) if what == "ca" else (before.leaf, state.leaf)
    return new is not None and (old is None or old.certificate != new.certificate)


def wait_until_steady(store: Store, policy: Policy, out: Path | None, waiting: Callable[[Seen], None]) -> None:
    """Reconcile until the protocol is in its steady phase and every webhook entry trusts the CA.

    Raises NotDone if the cluster refuses a request. `run_forever` can continue from any phase.
    """
    while True:
        if reconcile_once(store, policy, out):
            continue
        seen = store.read()
        if seen.state.phase() == "steady" and _trusted(seen):
            return
        waiting(seen)
        time.sleep(1)


def publish(folder: Path, seen: Seen) -> None:
    """Write serving.pem and ca.crt for a server on this machine, replacing each atomically.

    The leaf is written only if every CA bundle had its CA at the last read.
    """
    state = seen.state
    if state.leaf and _trusted(seen):
        _replace(folder / "serving.pem", state.leaf.pem())
    if state.bundle():
        _replace(folder / "ca.crt", authority.pem(state.bundle()))


def _trusted(seen: Seen) -> bool:
    """Check whether every webhook entry trusts the leaf's CA."""
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
        raise NotDone(f"{path}: cannot write: {error.strerror}") from None


def _serials(state: State) -> dict[str, str]:
    owned = {"ca": state.ca, "next_ca": state.next_ca, "leaf": state.leaf}
    return {name: f"{own.certificate.serial_number:x}"[:16] for name, own in owned.items() if own}


def log(event: str, **fields: Any) -> None:
    """Write one JSON line. It must not contain private keys."""
    sys.stdout.write(json.dumps({"event": event, **fields}, separators=(",", ":")) + "\n")
    sys.stdout.flush()
