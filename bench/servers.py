"""The compared webhooks, running: this one as in production, and the one on controller-runtime."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from certs import authority
from tests.support.server import free_port, serving


@dataclass(frozen=True, slots=True)
class Running:
    """A webhook that runs."""

    name: str
    url: str
    ca: Path
    pid: int

    def memory(self) -> dict[str, float]:
        """Return the MiB of its processes: PSS (shared pages shared out), and RSS (shared pages counted each time)."""
        kib = {"Pss": 0, "Rss": 0}
        for pid in (self.pid, *children(self.pid)):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
                name, value = line.split(":")
                kib[name] = kib.get(name, 0) + int(value.split()[0])
        return {"pss": round(kib["Pss"] / 1024, 1), "rss": round(kib["Rss"] / 1024, 1)}


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def ours(*arguments: str) -> Iterator[Running]:
    """Run this webhook with the defaults: two workers, self-check, metrics and a log line per review."""
    with serving(*arguments) as server:
        yield Running("webhook", f"https://127.0.0.1:{server.port}/mutate", server.ca, server.process.pid)


@contextmanager
def controller_runtime(program: Path) -> Iterator[Running]:
    """Run the same rewrite on controller-runtime, with its metrics and a log line per review."""
    with tempfile.TemporaryDirectory() as folder:
        hosts = ["localhost", "127.0.0.1"]
        ca = authority.authority("bench", hosts, days=2)
        identity = authority.serving(ca, hosts, days=2)
        certificate = identity.certificate_pem()
        Path(folder, "ca.crt").write_bytes(ca.certificate_pem())
        Path(folder, "tls.crt").write_bytes(certificate)
        Path(folder, "tls.key").write_bytes(identity.pem().removesuffix(certificate))
        port, log = free_port(), Path(folder, "log")
        with log.open("wb") as output:
            command = [str(program), "-port", str(port), "-certificates", folder]
            process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + 15
            while b"Serving webhook server" not in log.read_bytes():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the webhook on controller-runtime did not start:\n{log.read_text()}")
                time.sleep(0.05)
            yield Running("controller-runtime", f"https://127.0.0.1:{port}/mutate", Path(folder, "ca.crt"), process.pid)
        finally:
            process.terminate()
            process.wait(30)
