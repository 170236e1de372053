"""The webhook on gunicorn's threaded worker, as `python -m tests.support.stock serve`: slow clients stop it."""

import os
import sys
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from webhook.cli import main as cli
from webhook.server import gunicorn_app


class Stock(ThreadWorker):
    """gunicorn's worker, with the names that the server uses."""

    slot = 0
    certificate: Any

    @property
    def came_round(self) -> float:
        """Return the time: nobody asks it of this worker."""
        return time.monotonic()

    def ready(self) -> bool:
        """Check whether it runs."""
        return bool(self.alive)


class StockServer(gunicorn_app._Server):
    """The server, with TLS and threads as gunicorn has them."""

    def load_config(self) -> None:
        """Set what the webhook's own worker does itself."""
        super().load_config()
        for name in ("certfile", "keyfile"):
            self.cfg.set(name, str(self.listen.certificate))
        self.cfg.set("threads", int(os.environ.get("STOCK_THREADS", "16")))


if __name__ == "__main__":
    vars(gunicorn_app).update(Worker=Stock, _Server=StockServer)
    sys.exit(cli.main())
