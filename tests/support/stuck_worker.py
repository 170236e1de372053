"""The webhook, whose event loop stands still at the first review with the uid `stuck`."""

import sys
import time
from typing import Any

from webhook.cli import main as cli
from webhook.server import telemetry

reviewed = telemetry.reviewed


def stuck(request: Any, *rest: Any) -> None:
    """Stand for whatever blocks a process."""
    if request.uid == "stuck":
        time.sleep(60)
    reviewed(request, *rest)


if __name__ == "__main__":
    vars(telemetry).update(reviewed=stuck)
    sys.exit(cli.main())
