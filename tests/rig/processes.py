"""Start processes that outlive this one, and stop them from any other."""

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Mapping, Sequence


def start(directory: pathlib.Path, program: pathlib.Path, arguments: Sequence[str], env: Mapping[str, str]) -> None:
    """Start a program in a session of its own, with no open file but its log in the directory."""
    log = directory / f"{program.name}.log"
    inherited = [int(file.name) for file in pathlib.Path("/proc/self/fd").iterdir() if int(file.name) > 2]
    pid = os.posix_spawn(
        program,
        [program.name, *arguments],
        env,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_CLOSE, file) for file in inherited),  # a lock of its parent, say, ends with its parent
        ],
        setsid=True,
    )
    with directory.joinpath("pids").open("a") as pids:
        pids.write(f"{program.name} {pid} {stat(pid)[1]}\n")


def recorded(directory: pathlib.Path) -> dict[str, int | None]:
    """Return the pids of what was started in the directory, by name; None for what has ended."""
    try:
        lines = directory.joinpath("pids").read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {name: int(pid) if runs(int(pid), began) else None for name, pid, began in map(str.split, lines)}


def runs(pid: int, began: str) -> bool:
    """Check whether the process that began then still runs, and not a later one with the same pid."""
    try:
        state, now = stat(pid)
    except (FileNotFoundError, ProcessLookupError):
        return False
    if now == began and state == "Z":
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return now == began and state not in "ZX"


def stat(pid: int) -> tuple[str, str]:
    """Return a process's state and when it began, in ticks since boot."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], fields[19]


def down(directory: pathlib.Path | str) -> None:
    """Stop what was started in the directory, at once: its state is never used again."""
    directory = pathlib.Path(directory)
    deadline = time.monotonic() + 10
    while pids := [pid for pid in recorded(directory).values() if pid]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"still running after SIGKILL: {pids}")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    directory.joinpath("pids").unlink(missing_ok=True)
