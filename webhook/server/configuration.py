"""Reload the configuration file when it changes."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from webhook.rules import OPTIONS
from webhook.server import telemetry
from webhook.settings.configuration import BadConfiguration, load
from webhook.settings.model import Settings


@dataclass(slots=True)
class Watched:
    """A configuration file and its last valid settings."""

    path: Path | None
    settings: Settings
    stamp: tuple[int, ...] = ()
    reading: threading.Lock = field(default_factory=threading.Lock)

    def current(self) -> Settings:
        """Return the current settings. If the changed file is invalid or missing, keep the last valid ones."""
        if self.path is None:
            return self.settings
        if _stamp(self.path) != self.stamp:
            with self.reading:  # an older reading must not replace a newer one
                self._read(self.path)
        return self.settings

    def _read(self, path: Path) -> None:
        stamp = _stamp(path)  # before reading, so that a later change is noticed
        if stamp == self.stamp:
            return
        try:
            self.settings = load(path, OPTIONS)
        except BadConfiguration as error:
            telemetry.reloaded(str(error))
        else:
            telemetry.reloaded()
        self.stamp = stamp


def _stamp(path: Path) -> tuple[int, ...]:
    """Return a value that changes with the file. A mounted ConfigMap swaps links, hence the inode."""
    try:
        status = os.stat(path)  # noqa: PTH116 - on every review: Path.stat costs twice as much
    except OSError:
        return (-1,)
    return status.st_ino, status.st_mtime_ns, status.st_size
