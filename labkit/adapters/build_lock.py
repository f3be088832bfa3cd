"""One build of a program at a time on a machine; whoever waits for it sees how far it is.

With Python's standard library alone, and so without filelock: the first build may begin before the environment with the
packages is made. Its holder also writes into the locked file, which filelock keeps to itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from labkit.adapters.cancellation import Cancelled, current_cancellation
from labkit.show.steps import Tally

_LOOK_SECONDS = 0.3
_WRITE_SECONDS = 0.5


@contextlib.contextmanager
def build_lock(file: Path, doing: str, tally: Tally) -> Iterator[Tally]:
    """Hold the lock of a program's build; it ends with this process, however that ends.

    Args:
        file: the lock; its folder is there. Its holder writes into it how far the build is.
        doing: what waits for it, for the error.
        tally: told how far the build of whoever holds the lock is.

    Returns:
        What the build is to tell how far it is.

    Raises:
        Cancelled: the work was stopped while it waited.
    """
    with contextlib.closing(LockFile(file)) as lock:
        first: int | None = None
        while not lock.acquire():
            cancellation = current_cancellation()
            if cancellation is not None and cancellation.is_cancelled:
                raise Cancelled(doing)
            if (counted := _parse(lock.read())) is not None:
                done, of, unit, before = counted
                first = done if first is None else first
                # What was done before is no measure of how long this takes.
                tally.count(max(done - first, 0), max(of - first, 0), unit, before + first)
            time.sleep(_LOOK_SECONDS)
        yield _WrittenTally(lock, tally)


def _parse(text: str) -> tuple[int, int, str, int] | None:
    """How far a build is; None if that is not written, or being written."""
    try:
        done, of, unit, before = json.loads(text)
        return int(done), int(of), str(unit), int(before)
    except (ValueError, TypeError):
        return None


class LockFile:
    """A file that one process at a time can hold, and in which it says something to the others.

    Args:
        file: where; its folder is there.
    """

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)

    def acquire(self) -> bool:
        """Try to hold it; whether that succeeded."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.truncate(self._descriptor, 0)
        return True

    def read(self) -> str:
        """What its holder has written."""
        return os.pread(self._descriptor, 1000, 0).decode("utf-8", "replace")

    def write(self, text: str) -> None:
        """Say something to those who wait."""
        with contextlib.suppress(OSError):  # It is a courtesy; on a full disk the work itself says so.
            os.pwrite(self._descriptor, text.encode(), 0)
            os.truncate(self._descriptor, len(text.encode()))


class _WrittenTally(Tally):
    """Tells whoever is told, and those who wait for the lock."""

    def __init__(self, lock: LockFile, tally: Tally) -> None:
        self._lock, self._tally = lock, tally
        self._next_write = 0.0

    def count(self, done: int, of: int, unit: str, before: int = 0) -> None:
        self._tally.count(done, of, unit, before)
        if time.monotonic() >= self._next_write:
            self._next_write = time.monotonic() + _WRITE_SECONDS
            self._lock.write(json.dumps([done, of, unit, before]))
