"""Writing the kit's files so that a full disk or a killed process loses nothing, and reading them with care."""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from labkit.base.errors import LabFailed, Misuse, remedy_of_system

_OWN_BYTES = 1 << 20
"""More than any small file of the kit's own has."""


LARGEST_BYTES = 64 << 20
"""More than any file has that somebody names to be read: one that is larger was named by mistake."""


def read_given(source: Path | IO[bytes], most: int = LARGEST_BYTES) -> bytes:
    """The bytes of a file that somebody named, or of what somebody typed; never more than this machine can hold.

    Args:
        source: the file, which may be a pipe, or what is open already.
        most: how many bytes it may have.

    Raises:
        OSError: it cannot be read, or is larger; `strerror` says so.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return read_given(file, most)
    content = source.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most >> 20} MiB")
    return content


def read_given_text(path: Path, encoding: str = "utf-8") -> str:
    """The text of a file that somebody named, with the ends of lines as `Path.read_text` has them.

    Args:
        path: the file.
        encoding: the text's.

    Raises:
        OSError: it cannot be read, or is larger than `LARGEST_BYTES`.
        UnicodeDecodeError: it is no such text.
    """
    return read_given(path).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


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
            remedy_of_system(
                error, "free some space or fix the folder's permissions; what the file held before is still there"
            ),
        ) from error


def remove_unfinished(path: Path) -> None:
    """Remove what killed processes have left of writing a file.

    Args:
        path: the file. Whoever calls this holds the lock without which nobody writes it.
    """
    with contextlib.suppress(OSError):
        for temporary in path.parent.glob(f".{glob.escape(path.name)}-*"):
            temporary.unlink(missing_ok=True)


def read_own(path: Path) -> str | None:
    """The text of a small file of the kit's own.

    Args:
        path: the file.

    Returns:
        None if it is not there, or is damaged: no file, too large, not UTF-8. Whoever reads it does without.
    """
    try:
        status = path.stat()  # A named pipe that nobody writes to would never open.
        if not stat.S_ISREG(status.st_mode) or status.st_size > _OWN_BYTES:
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def read_own_json(path: Path) -> Any:
    """What a small file of the kit's own holds; None if it is not there, or is damaged."""
    try:
        return json.loads(read_own(path) or "null")
    except (ValueError, RecursionError):
        return None


def read_versioned(path: Path, doing: str, version: int, remedy: str) -> Mapping[str, object]:
    """The JSON object in a file that somebody named, and that says of which version it is.

    Args:
        path: the file.
        doing: what it is read for, for the error.
        version: the only one that is understood.
        remedy: for a file that is none of these.

    Raises:
        Misuse: it cannot be read, is no such object, or is of another version.
    """
    try:
        content = json.loads(read_given(path))
    except OSError as error:
        raise Misuse(doing, error.strerror or str(error), remedy) from error
    except (ValueError, RecursionError) as error:
        raise Misuse(doing, f"it is not JSON: {error}", remedy) from error
    of_version = content.get("version") if isinstance(content, dict) else None
    if not isinstance(content, dict) or of_version != version:
        raise Misuse(doing, f"it is of version {of_version!r}, and this labkit knows version {version}", remedy)
    return content
