"""The webhook, with two seconds between its second worker's fork and that one's own signal handlers."""

import sys
import time

from webhook.cli import main as cli
from webhook.server import telemetry

use_metrics_slot = telemetry.use_metrics_slot


def late(slot: int) -> None:
    """Stand for a machine that has no time for a process just born."""
    time.sleep(2 * slot)
    use_metrics_slot(slot)


if __name__ == "__main__":
    telemetry.use_metrics_slot = late
    sys.exit(cli.main())
