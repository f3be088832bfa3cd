"""One process at a time: a lock on a file, which ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.base.errors import DeadlineExceeded, LabFailed, remedy_of_system
from labkit.base.files import read_own, write_atomically

if TYPE_CHECKING:
    from filelock import FileLock

_POLL_SECONDS = 0.02
_LOOK_SECONDS = 0.5
_HANGS_SECONDS = 5.0


@contextlib.contextmanager
def locked(
    lock: Path,
    *,
    seconds: float = 1800.0,
    on_wait: Callable[[str], None] | None = None,
    while_waiting: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Hold a lock.

    Args:
        lock: the lock file; made if need be, with its folder.
        seconds: how long to wait for another process that holds it.
        on_wait: called once, with a sentence that names the process that holds the lock. With it the number of this
            process is written beside the lock, for the others to name.
        while_waiting: called again and again until the lock is free.

    Raises:
        DeadlineExceeded: another process has held it all that time.
        LabFailed: the lock file cannot be written.
    """
    import filelock  # As slow as yaml, and most commands change nothing.

    pid_file = lock.with_name(f"{lock.name}.pid") if on_wait else None
    file_lock = filelock.FileLock(lock)
    try:
        try:
            with _told_if_it_hangs(lock, on_wait):
                _acquire(file_lock, lock, 0.0)
        except filelock.Timeout:
            if on_wait is not None:
                on_wait(f"another labkit ({_holder(pid_file)}) is at work on this lab; waiting for it")
            deadline = time.monotonic() + seconds
            while while_waiting is not None and time.monotonic() + _LOOK_SECONDS < deadline:
                while_waiting()
                with contextlib.suppress(filelock.Timeout):
                    _acquire(file_lock, lock, _LOOK_SECONDS)
                    break
            if not file_lock.is_locked:
                _acquire(file_lock, lock, max(deadline - time.monotonic(), 0.0))
    except filelock.Timeout:
        came_back = f"timed out: {_holder(pid_file)} has held it for {seconds:g} s"
        remedy = f"see what it does; try again once it has ended\n  fuser -v {shlex.quote(str(lock))}"
        raise DeadlineExceeded(f"Waiting for {lock}", came_back, remedy) from None
    except OSError as error:
        remedy = remedy_of_system(
            error, f"free some space, or fix the folder's permissions\n  ls -ld {shlex.quote(str(lock.parent))}"
        )
        raise LabFailed(f"Opening {lock}", error.strerror or str(error), remedy) from error
    try:
        if pid_file is not None:
            with contextlib.suppress(LabFailed):  # It is a courtesy; a full disk is no reason to stop here.
                write_atomically(pid_file, str(os.getpid()), durable=False)
        yield
    finally:
        file_lock.release()


@contextlib.contextmanager
def _told_if_it_hangs(lock: Path, tell: Callable[[str], None] | None) -> Iterator[None]:
    """Say so if a file system does not answer: one on a network waits for its server as long as that is gone."""
    sentence = (
        f"the file system of {lock.parent} has not answered for {_HANGS_SECONDS:g} s; if it is on a network, end this "
        "with Ctrl-C, and choose folders of this machine by LABKIT_STATE, LABKIT_CACHE and LABKIT_DATA"
    )
    timer = threading.Timer(_HANGS_SECONDS, tell or partial(print, file=sys.stderr), [sentence])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _acquire(file_lock: FileLock, lock: Path, seconds: float) -> None:
    """Take a lock, whose folder its holder may remove meanwhile, as `labkit clean` does."""
    deadline = time.monotonic() + seconds
    while not file_lock.is_locked:
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            file_lock.acquire(timeout=max(deadline - time.monotonic(), 0.0), poll_interval=_POLL_SECONDS)


def _holder(pid_file: Path | None) -> str:
    """The process that holds a lock, as far as it has written its number."""
    try:
        return f"process {int(read_own(pid_file) or '')}" if pid_file else "another process"
    except ValueError:
        return "another process"
