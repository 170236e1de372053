"""Where a request ends in the bytes of a connection (RFC 9112): whether all of it is here, not what it means."""

import re
from collections.abc import Generator
from typing import Final

LARGEST_BODY: Final = 7 * 2**20
"""object and oldObject of at most 3 MiB each (the API server's own limit), and 1 MiB for what is around them."""

LARGEST_HEAD: Final = 2**18
"""More than gunicorn takes (HEADER_FIELDS of HEADER_FIELD bytes), so that it refuses and does not ask for more."""

HEADER_FIELDS: Final = 32
HEADER_FIELD: Final = 4096

MOST_CHUNKED: Final = LARGEST_BODY + 2**16
"""Bytes of a body in chunks that we wait for: more than allowed, so that who reads it sees that they are too many."""

LONGEST_CHUNK_LINE: Final = 1024
MOST_CHUNKS: Final = 10_000  # Go and curl send 32 KiB in one; to follow a million of one byte each would take seconds

_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_LENGTH: Final = re.compile(rb"\ncontent-length[ \t]*:[ \t]*(\d{1,12})[ \t]*\r?\n", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\ntransfer-encoding[ \t]*:", re.IGNORECASE)


def frame(received: bytearray) -> Generator[None, None, bool]:
    """Yield as long as more has to be received; return whether the request is whole.

    It is not where more would change nothing: the body is too large, or it is clear that this is no request. gunicorn's
    parser and the application say so then; should they judge otherwise, they find no more bytes and refuse.
    """
    while not (end := _BLANK_LINE.search(received)):
        if len(received) > LARGEST_HEAD:
            return False
        yield
    head = bytes(received[: end.end()])
    if _CHUNKED.search(head):
        return (yield from _chunks(received, len(head)))
    length = _LENGTH.search(head)
    size = int(length[1]) if length else 0
    if size > LARGEST_BODY:
        return False
    while len(received) < len(head) + size:
        yield
    return True


def _chunks(received: bytearray, at: int) -> Generator[None, None, bool]:
    total = 0
    for _ in range(MOST_CHUNKS):
        while (end := received.find(b"\r\n", at)) < 0:
            if len(received) - at > LONGEST_CHUNK_LINE:
                return False
            yield
        size = _size(received[at:end])
        if size == 0:
            return (yield from _trailers(received, end))
        at, total = end + 2 + size + 2, total + size
        excess = max(0, total - MOST_CHUNKED)
        while size > 0 and len(received) < at - excess:
            yield
        if size < 0 or excess or received[at - 2 : at] != b"\r\n":
            break
    return False


def _size(line: bytearray) -> int:
    """Read a chunk's size; below 0 where it is none."""
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        return -1


def _trailers(received: bytearray, at: int) -> Generator[None, None, bool]:
    while received.find(b"\r\n\r\n", at) < 0:
        if len(received) - at > LARGEST_HEAD:
            return False
        yield
    return True
