"""Files as the kubelet mounts them: a ConfigMap, a Secret, and a certificate that is renewed."""

import time
from dataclasses import dataclass
from pathlib import Path

from certs import authority

NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Mounted:
    """A folder that changes as the kubelet changes a ConfigMap's or a Secret's: by swapping one link."""

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        return self.folder / self.name

    def put(self, content: str | bytes | None) -> None:
        """Put another version of the file there, or none."""
        version = self.folder / f"..{time.monotonic_ns()}"
        version.mkdir(parents=True)
        if content is not None:
            (version / self.name).write_bytes(content.encode() if isinstance(content, str) else content)
        (self.folder / "..new").symlink_to(version.name)
        (self.folder / "..new").replace(self.folder / "..data")
        if not self.path.is_symlink():
            self.path.symlink_to(Path("..data", self.name))


@dataclass(frozen=True, slots=True)
class Renewable:
    """A server's certificate, which a CA renews."""

    ca: authority.Identity
    mounted: Mounted

    def renew(self) -> int:
        """Put a new certificate in place; return its serial number."""
        identity = authority.serving(self.ca, NAMES, days=1)
        self.mounted.put(identity.pem())
        return identity.certificate.serial_number
