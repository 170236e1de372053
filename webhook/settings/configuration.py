"""The configuration file: read it, and say where it is wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from webhook.manifests import reader
from webhook.manifests.parser import BadManifest
from webhook.objects.model import BadInput
from webhook.scc.defaults import SCCS
from webhook.settings.model import Options, Settings, SettingsError, parse

LARGEST: Final = 2**20
"""Bytes, the limit of a ConfigMap. A larger file would take seconds to read while a review waits."""


class BadConfiguration(BadInput):
    """The configuration file cannot be used; the message names file, line and field."""


def load(path: Path | None, options: Mapping[str, Options]) -> Settings:
    """Return the settings of a configuration file; the defaults without one. Raises BadConfiguration.

    `options` are the rules that may be configured, each with its options.
    """
    if path is None:
        return Settings()
    try:
        if path.stat().st_size > LARGEST:
            raise BadConfiguration(f"{path}:1: larger than {LARGEST // 2**20} MiB")
        document = reader.one_document(path)
        return parse(document.value, options, SCCS)
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror or error}") from None
    except BadManifest as error:
        raise BadConfiguration(str(error)) from None
    except SettingsError as error:
        line = document.line_of(error.at)
        raise BadConfiguration(f"{path}:{line}: {'.'.join(map(str, error.at)) or 'the file'}: {error}") from None
