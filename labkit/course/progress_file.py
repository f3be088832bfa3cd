"""The participant's file: read with care, changed under a lock, never lost."""

from __future__ import annotations

import codecs
import errno
import json
import os
import shlex
import stat
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from labkit.base.errors import LabFailed, remedy_of_system
from labkit.base.files import remove_unfinished, write_atomically
from labkit.base.locks import locked
from labkit.course.records import Event, Lessons, after, read_lessons

FORMAT = "labkit-progress"
VERSION = 1
_LOCK_SECONDS = 3.0
MOST_BYTES = 1_000_000
"""No file that the kit writes comes near it; what is larger is not read."""


class Damaged(LabFailed):
    """The file is there, and what it holds makes no sense."""


class Document(msgspec.Struct):
    """The JSON object in a file, which may be anybody's; only format and version are checked.

    Args:
        format: which of the kit's formats it is.
        version: of the format.
        name: whose it is, where the format has a name.
        lessons: for `read_lessons`.
        made: when it was written, by the clock of whoever did, where the format says so.
        hand: for `labkit.course.hand.read_hand`, where the format has a hand.
    """

    format: Any = None
    version: Any = None
    name: Any = ""
    lessons: Any = None
    made: Any = None
    hand: Any = None


def read_progress(path: Path) -> Lessons:
    """What a participant's file holds; nothing if there is no such file yet.

    Raises:
        Damaged: what it holds makes no sense.
        LabFailed: it cannot be read, or a newer labkit wrote it.
    """
    try:
        document = read_document(path, (FORMAT,), VERSION)
    except FileNotFoundError:
        return {}
    return lessons_of(document, path)


def lessons_of(document: Document, path: Path) -> Lessons:
    """The lessons of a document that was read from a file.

    Raises:
        Damaged: they cannot be read.
    """
    try:
        return read_lessons(document.lessons)
    except ValueError as error:
        raise _damaged(path, f"its lessons cannot be read: {error}") from None


def read_document(path: Path, formats: Iterable[str], version: int) -> Document:
    """The JSON object in a file of one of some formats. Its size and depth are bounded: it may be anybody's.

    Args:
        path: the file.
        formats: what its `format` may be.
        version: the newest that is understood.

    Raises:
        FileNotFoundError: there is no such file.
        Damaged: it is no such document.
        LabFailed: it cannot be read, or it is of a newer version.
    """
    return read_content(_read_bounded(path), path, formats, version)


def read_content(data: bytes, path: Path, formats: Iterable[str], version: int) -> Document:
    """The JSON object in what a file holds, or in what came by another way.

    Args:
        data: the content.
        path: the file, for the error.
        formats: what its `format` may be.
        version: the newest that is understood.

    Raises:
        Damaged: it is no such document.
        LabFailed: it is of a newer version.
    """
    if len(data) > MOST_BYTES:
        raise _damaged(path, f"it is larger than {MOST_BYTES // 1000} kB")
    try:
        document = msgspec.convert(msgspec.json.decode(data.removeprefix(codecs.BOM_UTF8)), Document)
    except msgspec.ValidationError:  # another kind of value than an object
        document = Document()
    except RecursionError:
        raise _damaged(path, "it is nested too deeply") from None
    except ValueError:
        raise _damaged(path, "it is truncated, or not JSON" if data else "it is empty") from None
    if document.format not in tuple(formats):
        raise _damaged(path, f"its format is not {' or '.join(formats)}")
    written = document.version
    if not isinstance(written, int) or isinstance(written, bool) or written < 1:
        raise _damaged(path, "it has no version")
    if written > version:
        newer = (
            f"a newer labkit wrote it (version {written if written < 1000 else 'unknown'}; this one knows {version})"
        )
        raise LabFailed(f"Reading {path}", newer, "use the labkit that wrote it, or a newer one")
    return document


def record(path: Path, events: Iterable[Event]) -> str:
    """Put events into a participant's file. Whoever else writes it at the same time loses nothing.

    Args:
        path: the file; made if there is none.
        events: what was done.

    Returns:
        Where a damaged file was put aside, as a sentence; empty if it was whole.

    Raises:
        LabFailed: nothing was recorded; the file is as it was.
    """
    path = Path(os.path.realpath(path))  # a link stays one; what it leads to is written
    warning = ""
    with locked(_lock_of(path), seconds=_LOCK_SECONDS):
        _require_own(path)
        remove_unfinished(path)
        try:
            lessons = read_progress(path)
        except Damaged as error:
            aside = _set_aside(path)
            warning = f"{error.tried}: {error.came_back}; it is kept as {aside.name}, and a new one is started."
            lessons = {}
        for event in events:
            lessons = after(lessons, event)
        document = {
            "format": FORMAT,
            "version": VERSION,
            "lessons": {name: lesson.to_dict() for name, lesson in lessons.items()},
        }
        write_atomically(path, json.dumps(document, indent=1) + "\n")
    return warning


def remove_progress(path: Path) -> list[str]:
    """Remove a participant's file, and damaged ones that were put aside.

    Args:
        path: the file.

    Returns:
        What is gone.

    Raises:
        LabFailed: it cannot be removed.
    """
    path = Path(os.path.realpath(path))
    try:
        candidates = (path, *sorted(path.parent.glob(f"{path.stem}.damaged-*")))
        files = [file for file in candidates if file.is_file()]
        if files:
            with locked(_lock_of(path), seconds=_LOCK_SECONDS):
                for file in files:
                    file.unlink(missing_ok=True)
                _lock_of(path).unlink(missing_ok=True)
    except OSError as error:
        raise _failed(path, error) from error
    return [str(file) for file in files]


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _read_bounded(path: Path) -> bytes:
    try:
        # A named pipe that nobody writes to would never open.
        _require_file(path, path.stat())
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _failed(path, error) from error


def _require_file(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a file"
        raise LabFailed(f"Reading {path}", f"it is {kind}", f"move it away\n  mv {path} {path}.old")


def _require_own(path: Path) -> None:
    """Refuse to replace a file that is somebody else's, or that its owner made read-only."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failed(path, error) from error
    _require_file(path, status)
    if status.st_uid != os.geteuid():
        came_back = f"it belongs to another user (uid {status.st_uid})"
        raise LabFailed(f"Writing {path}", came_back, f"make it yours\n  sudo chown {os.geteuid()} {path}")
    if not status.st_mode & stat.S_IWUSR:
        raise LabFailed(f"Writing {path}", "it is read-only", f"let yourself write it\n  chmod u+w {path}")


def _set_aside(path: Path) -> Path:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.stem}.damaged-{now}-{number}{path.suffix}")):
        number += 1
    try:
        path.rename(aside)
    except OSError as error:
        raise _failed(path, error) from error
    return aside


def _damaged(path: Path, why: str) -> Damaged:
    return Damaged(f"Reading {path}", why, "continue: the next check renames it and begins a new one")


def _failed(path: Path, error: OSError) -> LabFailed:
    # "Permission denied" and "Too many levels of symbolic links" are said in words that a learner knows.
    why = {errno.EACCES: "you may not read or write it", errno.ELOOP: "its links lead in a circle"}.get(
        error.errno or 0
    )
    remedy = remedy_of_system(error, f"look at it\n  ls -ld {shlex.quote(str(path))}")
    return LabFailed(f"Using {path}", why or error.strerror or str(error), remedy)
