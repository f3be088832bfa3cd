"""Writing the kit's files so that a full disk or a killed process loses nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from labkit.base.errors import DeadlineExceeded, LabFailed

_LOCK_SECONDS = 1800.0
_POLL_SECONDS = 0.2


def write_atomically(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all: what was there before stays until the new content is on disk.

    Args:
        path: the file; its folder is made if need be.
        content: what it shall hold.
        mode: its permissions.

    Raises:
        LabFailed: it cannot be written; the old file is as it was.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
        raise LabFailed(
            f"Writing {path}",
            error.strerror or str(error),
            "free some space or mend the folder's permissions; what the file held before is still there",
        ) from error


@contextlib.contextmanager
def only_one(lock: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Let one process at a time change the lab; the lock ends with its process, however that ends.

    Args:
        lock: the lock file, which holds the number of the process that works.
        on_wait: told once if another process is at work.

    Raises:
        DeadlineExceeded: the other one is still at work after half an hour.
        LabFailed: the lock file cannot be written.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = lock.open("a+", encoding="utf-8")
    except OSError as error:
        raise LabFailed(
            f"Opening {lock}", error.strerror or str(error), "free some space or mend the folder's permissions"
        ) from error
    with handle:
        _acquire(handle.fileno(), lock, on_wait)
        with contextlib.suppress(OSError):  # the number is a courtesy; a full disk is no reason to stop here
            os.ftruncate(handle.fileno(), 0)
            os.pwrite(handle.fileno(), str(os.getpid()).encode(), 0)
        yield


def _acquire(handle: int, lock: Path, on_wait: Callable[[str], None]) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    waiting = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = lock.read_text(encoding="utf-8") or "another process"
            if not waiting:
                on_wait(f"another labkit (process {other}) is at work on this lab; waiting for it")
                waiting = True
            if time.monotonic() > deadline:
                raise DeadlineExceeded(
                    "Waiting for the other labkit", f"process {other} is still at work", f"look at it\n  ps {other}"
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return


@contextlib.contextmanager
def briefly_locked(lock: Path, seconds: float = 3.0) -> Iterator[None]:
    """Hold a lock for the instant of one change to a file; the lock ends with its process, however that ends.

    Args:
        lock: the lock file; made if need be, with its folder.
        seconds: how long to wait for another one.

    Raises:
        DeadlineExceeded: another process has held it all that time.
        LabFailed: the lock file cannot be written.
    """
    deadline = time.monotonic() + seconds
    try:
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        while (handle := _try_lock(lock)) is None:
            if time.monotonic() > deadline:
                raise DeadlineExceeded(
                    f"Waiting for {lock}",
                    f"another process has held it for {seconds:.0f} s",
                    f"see which\n  fuser {lock}",
                )
            time.sleep(0.01)
    except OSError as error:
        raise LabFailed(
            f"Opening {lock}", error.strerror or str(error), "free some space or mend the folder's permissions"
        ) from error
    with handle:
        yield


def _try_lock(lock: Path) -> TextIO | None:
    handle = lock.open("a", encoding="utf-8")
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it may have removed the file: then this is a lock on a file that nobody else can find.
        if os.path.samestat(os.fstat(handle.fileno()), lock.stat()):
            return handle
    handle.close()
    return None
