"""Print the certificates, their lifetimes, and who trusts them."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from certs.authority import Certificate
from certs.protocol import State
from certs.store import Seen, Store

PHASES = {
    "steady": "steady: one CA, no rotation in progress",
    "prepare": "prepare: the next CA exists and signs once every entry trusts it",
    "retire": "retire: the old CA stays trusted until no server uses a certificate it signed",
}


def show(store: Store) -> int:
    """Print the certificates. Return 1 if the leaf is missing or expired, or an entry does not trust its CA."""
    seen = store.read()
    table = Table("certificate", "serial", "until", "renewed", "trusted by", box=None, padding=(0, 1, 0, 0))
    for name, certificate, renewed in _named(seen.state):
        signer = seen.state.ca.certificate if name == "serving" and seen.state.ca else certificate
        table.add_row(
            name,
            f"{certificate.serial_number:x}"[:16],
            _until(certificate, seen.now),
            renewed,
            _trusted_by(seen, signer),
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(PHASES[seen.state.phase()] if seen.state.ca else "no CA yet: `python -m certs ensure` creates one")
    for problem in seen.problems:
        console.print(problem, markup=False)
    leaf, ca = seen.state.leaf, seen.state.ca
    good = leaf and ca and leaf.certificate.not_valid_after_utc > seen.now and seen.trust.includes(ca.certificate)
    return 0 if good and not seen.problems else 1


def not_due(state: State, what: str, now: dt.datetime) -> dt.datetime | None:
    """Return when the CA or the leaf is due; None if it is due now or missing."""
    own = state.ca if what == "ca" else state.leaf
    date = own.due() if own else now
    return date if date > now else None


@contextmanager
def progress() -> Iterator[Callable[[Seen], None]]:
    """Show the current phase as a spinner on a terminal, or else print it when it changes."""
    console = Console(stderr=True)
    printed = ""
    with console.status("reading") as status:

        def waiting(seen: Seen) -> None:
            nonlocal printed
            text = PHASES[seen.state.phase()]
            since = f", for {(seen.now - seen.state.since).seconds} s" if seen.state.since else ""
            status.update(text + since)
            if text != printed and not console.is_terminal:
                console.print(text)
            printed = text

        yield waiting


def _named(state: State) -> Iterator[tuple[str, Certificate, str]]:
    for name, own in (("serving", state.leaf), ("CA", state.ca), ("next CA", state.next_ca)):
        if own:
            yield name, own.certificate, f"{own.due():%Y-%m-%d}"
    for certificate in state.retiring:
        yield "retiring CA", certificate, "never"


def _until(certificate: Certificate, now: dt.datetime) -> str:
    end = certificate.not_valid_after_utc
    left = (end - now).days if end > now else None
    return f"{end:%Y-%m-%d} " + ("(expired)" if left is None else f"({left} days)")


def _trusted_by(seen: Seen, ca: Certificate) -> str:
    bundles = seen.trust.bundles
    return f"{sum(ca in bundle for bundle in bundles)} of {len(bundles)} entries"
