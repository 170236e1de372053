"""The configuration file: read it, and say where it is wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from webhook.manifests import reader
from webhook.manifests.parser import BadManifest
from webhook.objects.model import BadInput, Object, lookup
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
        return _settings(reader.one_document(path), options)
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror or error}") from None
    except BadManifest as error:
        raise BadConfiguration(str(error)) from None


def of_config_map(obj: Object, options: Mapping[str, Options]) -> Settings:
    """Return the settings in the webhook's ConfigMap; the defaults without one. Raises BadConfiguration."""
    text, file = lookup(obj, ("data", "config.yaml")), "config.yaml in the ConfigMap"
    if text is None:
        return Settings()
    try:
        documents = list(reader.documents(text, file))
    except BadManifest as error:
        raise BadConfiguration(str(error)) from None
    if len(documents) != 1:
        raise BadConfiguration(f"{file}: expected one document, got {len(documents)}")
    return _settings(documents[0], options)


def _settings(document: reader.Document, options: Mapping[str, Options]) -> Settings:
    try:
        return parse(document.value, options, SCCS)
    except SettingsError as error:
        where = f"{document.file}:{document.line_of(error.at)}"
        raise BadConfiguration(f"{where}: {'.'.join(map(str, error.at)) or 'the file'}: {error}") from None
