"""What the processes of a running webhook hold (Linux): memory, file descriptors, threads."""

from pathlib import Path

from tests.support.server import Server


def processes(server: Server) -> list[int]:
    """Return the process ids: the parent first, then the workers."""
    return [server.process.pid, *server.workers()]


def memory(pid: int) -> float:
    """Return the resident memory of one process in MiB, of what is shared its part."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it ended just now
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def descriptors(pid: int) -> int:
    """Return how many file descriptors a process has open."""
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except OSError:
        return 0


def whole_memory(server: Server) -> float:
    """Return the memory of all processes in MiB."""
    return round(sum(map(memory, processes(server))), 1)
