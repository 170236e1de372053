"""Load the serving certificate, and reload it when its files change."""

from pathlib import Path
from ssl import SSLContext

from certs import authority
from webhook.objects.model import BadInput
from webhook.server import telemetry
from webhook.server.clients import tls


class BadCertificate(BadInput):
    """The certificate cannot be served. The message names the file."""


class Certificate:
    """The certificate on disk, as a TLS context for new connections."""

    def __init__(self, certificate: Path, key: Path | None) -> None:
        self.files = (certificate, key or certificate)
        self.loaded = self._load()
        self.fingerprint = self._fingerprint()

    def context(self) -> SSLContext:
        """Return the TLS context for a new connection. If changed files are malformed, keep the last good one."""
        fingerprint = self._fingerprint()
        if fingerprint != self.fingerprint:
            self.fingerprint = fingerprint
            try:
                self.loaded = self._load()
            except BadCertificate as error:
                telemetry.certificate_changed(self.expiry, problem=str(error))
            else:
                telemetry.certificate_changed(self.expiry)
        return self.loaded

    def _fingerprint(self) -> list[tuple[int, int]]:
        """Return a value that changes with the files. A mounted Secret swaps links, hence the inodes."""
        try:
            return [(status.st_ino, status.st_mtime_ns) for status in map(Path.stat, self.files)]
        except OSError:
            return []

    def _load(self) -> SSLContext:
        """Return a TLS context with the files' certificate. Raises BadCertificate."""
        try:
            context = tls()
            context.load_cert_chain(*self.files, password="")  # an encrypted key must not prompt on the terminal
            self.expiry = authority.expiry(self.files[0].read_bytes())
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            why = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            name = next((file for file in self.files if not file.is_file()), self.files[0])
            raise BadCertificate(f"{name}: expected a certificate and its key: {why}") from None
        return context
