"""Send the same body as fast as a server answers, with the client in peers/load; build what is written in Go."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PEERS: Final = Path(__file__).parent / "peers"


class NoGo(Exception):
    """There is no Go here, which the load client and the peer are written in."""


@dataclass(frozen=True, slots=True)
class Client:
    """The load client, built, with what it sends where."""

    program: Path
    url: str
    ca: Path
    body: Path
    more: tuple[str, ...] = ()

    def run(self, connections: int, seconds: float) -> dict[str, Any]:
        """Send for some seconds; return rates, milliseconds and the last answer. Every answer must be a success."""
        command = [str(self.program), "-url", self.url, "-ca", str(self.ca), "-body", str(self.body), *self.more]
        command += ["-connections", str(connections), "-duration", f"{seconds}s"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
        if done.returncode:
            raise RuntimeError(f"the load client failed: {done.stderr.strip()}")
        result: dict[str, Any] = json.loads(done.stdout)
        if set(result["statuses"]) - {"200", "201"}:
            raise RuntimeError(f"{self.url} answered {result['statuses']}: {result['last_answer'][:300]}")
        result["rate"] = result["requests"] / result["seconds"]
        result["client_cores"] = result["client_cpu_seconds"] / result["seconds"]
        return result


@contextmanager
def built(*names: str) -> Iterator[dict[str, Path]]:
    """Build programs of peers/ into a folder that goes again; Go's own cache makes the next time quick."""
    if not shutil.which("go"):
        raise NoGo("the bench needs Go in PATH: its load client and the other webhook are written in it")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        programs = {name: Path(folder, name) for name in names}
        for name, program in programs.items():
            print(f"bench: building {name} (minutes the first time)", flush=True)
            command = ["go", "build", "-trimpath", "-buildvcs=false", "-o", str(program), "."]
            subprocess.run(command, cwd=PEERS / name, check=True)
        yield programs
