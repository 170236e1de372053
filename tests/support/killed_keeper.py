"""Run `python -m certs` and have it die, as by kill -9, at its Nth write: `killed_keeper before|after N ARGUMENTS`.

`before` is a write that never came to the API server, `after` one whose answer the keeper never saw.
"""

import os
import signal
import sys
from typing import Any

from certs import __main__ as certs
from certs.store import Store


def main() -> int:
    """Take the first two arguments; the others are the keeper's."""
    when, count = sys.argv.pop(1), int(sys.argv.pop(1))
    ask, writes = Store.ask, 0

    def killed(self: Store, method: str, *arguments: Any) -> Any:
        nonlocal writes
        writes += method != "GET"
        last = method != "GET" and writes == count
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = ask(self, method, *arguments)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    Store.ask = killed  # type: ignore[assignment, method-assign] # as it is, but killed
    return certs.main()


if __name__ == "__main__":
    sys.exit(main())
