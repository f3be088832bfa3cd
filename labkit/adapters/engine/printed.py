"""What containers print, as the engine sends it: two streams in one, read as it comes and never without a bound."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable, Iterator
from typing import Any

import requests
from urllib3.exceptions import ReadTimeoutError

from labkit.core.run_results import Printed

_HEADER = struct.Struct(">BxxxL")
_STDERR = 2
_PIECE = 1 << 16
MOST_BYTES = 4 << 20
"""What is kept of each stream; the rest is read and let go."""


def read_frames(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The pieces of a multiplexed stream: 1 for standard output or 2 for standard error, and what was printed.

    Each has a header of the stream, three zeros and a length (moby/moby:api/swagger.yaml, ContainerAttach). What a
    stream that breaks off has of its last piece is given, too.
    """
    buffer, stream, missing = bytearray(), 0, 0
    for piece in pieces:
        buffer += piece
        while buffer:
            if not missing:
                if len(buffer) < _HEADER.size:
                    break
                stream, missing = _HEADER.unpack_from(buffer)
                del buffer[: _HEADER.size]
            taken = bytes(buffer[:missing])
            del buffer[: len(taken)]
            missing -= len(taken)
            if taken:
                yield stream, taken


class _Kept:
    """The beginning of what was printed, up to a bound."""

    def __init__(self, most: int) -> None:
        self._most, self._pieces, self._size = most, list[bytes](), 0

    def add(self, piece: bytes) -> None:
        """Keep what there is room for."""
        self._pieces.append(piece[: max(self._most - self._size, 0)])
        self._size += len(piece)

    @property
    def has_any(self) -> bool:
        """Whether anything was added."""
        return self._size > 0

    def text(self) -> str:
        """All that was kept, and how much was not."""
        text = b"".join(self._pieces).decode("utf-8", "replace")
        rest = self._size - self._most
        return text if rest <= 0 else f"{text}\n({rest} more bytes were printed and not kept)\n"


class Printing:
    """Gathers what comes on the two streams.

    Args:
        most: how many bytes are kept of each.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._stdout, self._stderr, self._both = _Kept(most), _Kept(most), _Kept(most)

    def add(self, stream: int, piece: bytes) -> None:
        """Take one more piece; 2 is standard error."""
        (self._stderr if stream == _STDERR else self._stdout).add(piece)
        self._both.add(piece)

    @property
    def has_any(self) -> bool:
        """Whether anything has come."""
        return self._both.has_any

    def printed(self) -> Printed:
        """What has come so far."""
        return Printed(self._stdout.text(), self._stderr.text(), self._both.text())


class StillRunning(Exception):
    """The deadline has passed, and more may come."""


def pieces_of(response: requests.Response, deadline: float | None = None) -> Iterator[bytes]:
    """The body of an answer, each piece as soon as it is there.

    Args:
        response: opened with stream=True and a timeout of its own.
        deadline: of the monotonic clock; None for none.

    Raises:
        StillRunning: the deadline has passed.
    """
    raw: Any = response.raw  # read1 gives what is there; iter_content would wait for a whole piece.
    while True:
        try:
            piece: bytes = raw.read1(_PIECE)
        except ReadTimeoutError:
            raise StillRunning from None
        if not piece:
            return
        yield piece
        if deadline is not None and time.monotonic() > deadline:
            raise StillRunning
