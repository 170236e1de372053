"""The webhook on gunicorn's own worker, as `python -m tests.stock serve`: what tests of slow clients must see fail."""

import ssl
import sys

from gunicorn.workers.gthread import ThreadWorker

from webhook import cli, serving


class Stock(ThreadWorker):
    """gunicorn's worker, with the two names that serving.py asks for."""

    slot = 0

    def ready(self) -> bool:
        """Tell whether it runs."""
        return self.alive


if __name__ == "__main__":
    vars(serving).update(Worker=Stock, Socket=ssl.SSLSocket)
    sys.exit(cli.main())
