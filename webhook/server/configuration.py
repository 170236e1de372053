"""The configuration file while the server runs: read again when it changes."""

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
    """A configuration file that may change while we serve, and the last good settings that it had."""

    path: Path | None
    settings: Settings
    stamp: tuple[int, ...] = ()
    reading: threading.Lock = field(default_factory=threading.Lock)

    def current(self) -> Settings:
        """Return the settings, read anew where the file changed; a broken or missing file keeps the last good ones."""
        if self.path is None:
            return self.settings
        if _stamp(self.path) != self.stamp:
            with self.reading:  # one at a time: an older reading must not replace a newer one
                self._read(self.path)
        return self.settings

    def _read(self, path: Path) -> None:
        stamp = _stamp(path)  # before the file is read: what changes meanwhile is read again
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
    """Tell one state of a file from another; a ConfigMap's files change by a swap of links, hence the inode."""
    try:
        status = os.stat(path)  # noqa: PTH116 - on every review: Path.stat costs twice as much
    except OSError:
        return (-1,)
    return status.st_ino, status.st_mtime_ns, status.st_size
