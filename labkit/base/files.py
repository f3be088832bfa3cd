"""Writing the kit's files so that a full disk or a killed process loses nothing."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from labkit.base.errors import LabFailed


def write_atomically(path: Path, content: str | bytes, mode: int = 0o600, *, durable: bool = True) -> None:
    """Write a file whole or not at all: what was there before stays until the new content is on disk.

    Args:
        path: the file; its folder is made if need be.
        content: the text that it gets.
        mode: its permissions.
        durable: whether the disk is waited for, so that it survives a crash of the machine.

    Raises:
        LabFailed: it cannot be written; the old file is as it was.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if durable:
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
            "free some space or fix the folder's permissions; what the file held before is still there",
        ) from error
