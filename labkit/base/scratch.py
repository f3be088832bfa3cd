"""Temporary folders that a later command removes should the process that works in one be killed.

The lock is flock(2) on the folder itself, and not filelock: that needs a file, which would have to lie beside the
folder and be removed as well. And the first compile works in such a folder before there are any packages.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover: Windows has none, and nothing is removed there but by its own process.
    fcntl = None  # type: ignore[assignment]

_PREFIX = ".labkit-scratch-"


@contextlib.contextmanager
def scratch_folder(place: Path | None = None) -> Iterator[Path]:
    """A folder of one's own for temporary files, removed at the end; before it, those go that killed processes left.

    Whoever works in such a folder holds a lock on it (flock(2)), which ends with its process, however that ends.

    Args:
        place: where it is made, for what is then renamed into its neighbour; by default the machine's temporary folder.

    Raises:
        OSError: the place is full, or cannot be written.
    """
    remove_abandoned_scratch(place)
    with ExitStack() as stack:
        while True:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, dir=place)))
            handle = _lock(folder, wait=True)
            if handle is not None:
                stack.callback(os.close, handle)
            if folder.is_dir():  # Else another process took it for abandoned before the lock was there.
                break
        yield folder


def remove_abandoned_scratch(place: Path | None = None) -> list[Path]:
    """Remove the folders of this user's that nobody works in any more.

    Args:
        place: as for `scratch_folder`.

    Returns:
        Those that were removed.
    """
    removed = []
    for folder in Path(place or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        handle = _lock(folder, wait=False)
        if handle is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(handle)
            removed.append(folder)
    return removed


def _lock(folder: Path, *, wait: bool) -> int | None:
    """Take the lock of a folder; None if another process has it, if it is another user's, or where there is none."""
    if fcntl is None:
        return None
    try:
        # A link of this name, which anybody may lay in a shared folder, is not followed.
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(handle).st_uid == os.geteuid():
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
    except OSError:  # It is in use, or on a file system without locks.
        pass
    os.close(handle)
    return None
