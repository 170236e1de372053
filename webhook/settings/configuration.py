"""The configuration file: read it, say where it is wrong, read it again when it changes."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from webhook.manifests import reader
from webhook.manifests.parser import BadManifest
from webhook.objects.model import BadInput
from webhook.rules import RULES
from webhook.scc.defaults import SCCS
from webhook.server import telemetry
from webhook.settings.model import Settings, SettingsError, parse

LARGEST: Final = 2**20
"""Bytes; the largest that a ConfigMap can be. What is larger would take seconds to read, of somebody's review."""


class BadConfiguration(BadInput):
    """The configuration file cannot be used; the message names file, line and field."""


def load(path: Path | None) -> Settings:
    """Read a configuration file; without one, the defaults. Raises BadConfiguration."""
    if path is None:
        return Settings()
    try:
        if path.stat().st_size > LARGEST:
            raise BadConfiguration(f"{path}:1: larger than {LARGEST // 2**20} MiB")
        document = reader.one_document(path)
        return parse(document.value, {rule.id: rule.options for rule in RULES.values()}, SCCS)
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror or error}") from None
    except BadManifest as error:
        raise BadConfiguration(str(error)) from None
    except SettingsError as error:
        line = document.line_of(error.at)
        raise BadConfiguration(f"{path}:{line}: {'.'.join(map(str, error.at)) or 'the file'}: {error}") from None


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
            self.settings = load(path)
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
