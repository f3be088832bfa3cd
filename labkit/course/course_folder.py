"""The participant's folder: copies of the course's files, which are theirs as soon as they change them.

A manifest in the folder has the hash of each file as it was copied. A file that still has it is untouched: it follows
the course to its next version. Any other file is the participant's, and is never written to. JupyterLab saves outputs
with the notebook, so a lesson that was run is the participant's, too.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from labkit.base.configuration import Configuration
from labkit.base.errors import DeadlineExceeded, LabError, LabFailed, Misuse, remedy_of_system
from labkit.base.files import write_atomically
from labkit.base.locks import locked
from labkit.base.resources import CHECKOUT, DOCS, IS_CHECKOUT, NOTEBOOKS, require
from labkit.course.lessons import require_lesson
from labkit.lab.machine.jupyter_servers import RUNTIME_VARIABLE, runtime_folder

LESSON_FILES = ("*.ipynb", "*.yaml", "*.sh", "*/Dockerfile", "*/*.csproj", "*/*.cs")
"""The lessons, and the files beside them that participants edit."""

VARIABLE = "LABKIT_COURSE"
"""The environment variable that names the participant's folder."""

_MANIFEST, _LOCK, _CHANGES_LOCK = ".labkit-manifest.json", ".labkit-lock", ".labkit-changes-lock"
_MOST_LISTED = 5
_MOST_SECONDS = 30.0
_ANOTHER = "name another folder\n  labkit lab --folder ~/another-course"


_Fate = Literal["added", "renewed", "same", "outdated", "kept"]


_NEWER = "; labkit course restore LESSON brings it, and keeps yours in the same folder"


class _Manifest(msgspec.Struct):
    """What was copied: the hash of each file as it was copied, by its path in the folder."""

    copied: dict[str, str]


@dataclass(frozen=True)
class FolderChanges:
    """What `CourseFolder.follow_course` did, by the files' paths in the folder.

    Args:
        added: were not there.
        renewed: were untouched, and the course has a new version of them.
        removed: were untouched, and the course has them no more.
        outdated: are the participant's, so they stay; the course has a new version of them.
    """

    added: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()

    def report(self) -> str:
        """The changes in words, a line for each kind; empty if there were none."""
        kinds = (
            ("copied", self.added, ""),
            ("updated to the course's new version", self.renewed, ""),
            ("removed, as the course has it no more", self.removed, ""),
            ("kept as you have it, although the course has a newer version", self.outdated, _NEWER),
        )
        return "\n".join(f"{doing}: {_listed(names)}{more}" for doing, names, more in kinds if names)


def default_folder() -> Path:
    """The participant's folder if none is named: `my-course/` in a checkout, else `~/labkit-course`."""
    if folder := os.environ.get(VARIABLE):
        return Path(folder)
    return CHECKOUT / "my-course" if IS_CHECKOUT else Path.home() / "labkit-course"


def course_files() -> dict[str, Path]:
    """The files that a participant gets, by their path in the folder: lessons, what is edited, what they link to.

    Raises:
        MachineLacks: this installation has no lessons.
    """
    lessons = [path for pattern in LESSON_FILES for path in require(NOTEBOOKS).glob(pattern)]
    pages = [*DOCS.glob("*.md"), *DOCS.glob("pictures/*.png")]
    files = {f"{NOTEBOOKS.name}/{path.relative_to(NOTEBOOKS)}": path for path in sorted(lessons)}
    return {**files, **{f"{DOCS.name}/{path.relative_to(DOCS)}": path for path in sorted(pages)}}


class CourseFolder:
    """A participant's folder.

    Args:
        path: where it lies; `follow_course` makes it.
        files: the course's files by their path in the folder; this installation's if left out.
    """

    def __init__(self, path: Path, files: Mapping[str, Path] | None = None) -> None:
        self.path = path.expanduser().absolute()
        self._files = files

    def follow_course(self) -> FolderChanges:
        """Copy what is missing, and bring untouched files to the course's present version.

        Raises:
            Misuse: the path is a file, is the course itself, or belongs to somebody else.
            LabFailed: the folder cannot be written to; each file in it is whole.
        """
        with self._changing():
            course, copied = self._course(), self._read_manifest()
            fates = {name: self._fate(name, content, copied) for name, content in course.items()}
            for name, fate in fates.items():
                if fate in ("added", "renewed"):
                    _write(course[name], self.path / name)
                if fate in ("added", "renewed", "same"):
                    copied[name] = _hash(course[name])
            removed = [name for name in copied if name not in course and _hash_of(self.path / name) == copied[name]]
            for name in removed:
                (self.path / name).unlink()
            self._write_manifest({name: digest for name, digest in copied.items() if name in course})

        def of(wanted: _Fate) -> tuple[str, ...]:
            return tuple(name for name, fate in fates.items() if fate == wanted)

        return FolderChanges(of("added"), of("renewed"), tuple(removed), of("outdated"))

    def restore(self, lesson: str) -> tuple[Path, Path | None]:
        """Bring a lesson, or a file beside it, back as the course has it; the participant's version is kept beside it.

        Args:
            lesson: its name or number, or the file's path beside the notebooks, such as "menu/Dockerfile".

        Returns:
            The lesson, and where the participant's version is now; None if there was none.

        Raises:
            Misuse: there is no such lesson, or no such folder.
            LabFailed: the folder cannot be written to; the participant's version is whole.
        """
        name = f"{NOTEBOOKS.name}/{lesson}"
        if name not in (self._files or course_files()):
            name = f"{NOTEBOOKS.name}/{require_lesson(lesson)}.ipynb"
        if not os.path.lexists(self.path):
            remedy = "name the folder that you work in, or make this one\n  labkit lab"
            raise Misuse(f"Looking for {self.path}", "there is no such folder", remedy)
        with self._changing():
            content, target = self._course()[name], self.path / name
            kept = replace_file(target, content, keeps=_hash_of(target) != _hash(content))
            self._write_manifest({**self._read_manifest(), name: _hash(content)})
        return target, kept

    def _fate(self, name: str, content: bytes, copied: Mapping[str, str]) -> _Fate:
        """What becomes of a file.

        Args:
            name: its path in the folder.
            content: what it is in the course now.
            copied: the hashes of the manifest.
        """
        latest, target = _hash(content), self.path / name
        if not os.path.lexists(target):
            return "added"
        present = _hash_of(target)
        if present == latest:
            return "same"
        if present is not None and present == copied.get(name):
            return "renewed"
        return "outdated" if copied.get(name, latest) != latest else "kept"

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Hold the folder for one JupyterLab; it is free again when this process ends, however it ends.

        Raises:
            Misuse: the path is a file, is the course itself, or belongs to somebody else.
            LabFailed: another `labkit lab` holds it, or it cannot be written to.
        """
        with contextlib.ExitStack() as lock:
            self._make()
            try:
                lock.enter_context(locked(self.path / _LOCK, seconds=0))
            except DeadlineExceeded:
                runtime = os.environ.get(RUNTIME_VARIABLE) or runtime_folder(Configuration.from_environment().state)
                listing = ["env", f"{RUNTIME_VARIABLE}={runtime}", sys.executable, "-m", "jupyter_server", "list"]
                remedy = (
                    "continue where it is open (this prints its address), or name another folder\n"
                    f"  {shlex.join(listing)}\n  labkit lab --folder ~/another-course"
                )
                raise LabFailed(f"Opening {self.path}", "another `labkit lab` has it open", remedy) from None
            yield

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Be the only one who changes files in the folder, which is made if need be."""
        self._make()
        with locked(self.path / _CHANGES_LOCK, seconds=_MOST_SECONDS):
            try:
                yield
            except OSError as error:
                raise self._not_writable(error) from error

    def _not_writable(self, error: OSError) -> LabFailed:
        remedy = remedy_of_system(error, f"free some space or change the permissions of {self.path}, or {_ANOTHER}")
        return LabFailed(f"Writing to {error.filename or self.path}", error.strerror or str(error), remedy)

    def _make(self) -> None:
        """Make the folder if need be, and be sure that it is one to work in."""
        trying = f"Opening {self.path} as your folder of the course"
        try:
            if _is_same(self.path / "notebooks", NOTEBOOKS):
                raise Misuse(trying, "these are the lessons themselves, not your copies of them", _ANOTHER)
            self.path.mkdir(parents=True, exist_ok=True)
            owner, read_only = self.path.stat().st_uid, os.statvfs(self.path).f_flag & os.ST_RDONLY
        except (FileExistsError, NotADirectoryError) as error:
            raise Misuse(trying, f"{error.filename} is a file, or lies in one", _ANOTHER) from error
        except OSError as error:
            raise self._not_writable(error) from error
        # Root could write here all the same, and then the owner could not save what root has made.
        if owner != os.geteuid():
            raise Misuse(trying, f"it belongs to another user (uid {owner})", f"run this as that user, or {_ANOTHER}")
        if not os.access(self.path, os.W_OK | os.X_OK, effective_ids=True):
            code = errno.EROFS if read_only else errno.EACCES
            raise self._not_writable(OSError(code, os.strerror(code), str(self.path)))

    def _course(self) -> dict[str, bytes]:
        """The course's files: their content by their path in the folder."""
        files = course_files() if self._files is None else self._files
        return {name: path.read_bytes() for name, path in files.items()}

    def _read_manifest(self) -> dict[str, str]:
        # Without a manifest that can be read every changed file is the participant's, which loses nothing.
        with contextlib.suppress(OSError, msgspec.DecodeError):
            copied = msgspec.json.decode((self.path / _MANIFEST).read_bytes(), type=_Manifest).copied
            # A folder may come from somebody else, with a manifest that names what lies outside of it.
            return {name: digest for name, digest in copied.items() if ".." not in name and not name.startswith("/")}
        return {}

    def _write_manifest(self, copied: Mapping[str, str]) -> None:
        text = msgspec.json.format(msgspec.json.encode(_Manifest(dict(sorted(copied.items()))))).decode()
        write_atomically(self.path / _MANIFEST, text)


def replace_file(target: Path, content: bytes, *, keeps: bool) -> Path | None:
    """Write a file of the participant's folder; theirs is kept beside it.

    Args:
        target: the file.
        content: what it holds then.
        keeps: whether what is there is worth keeping.

    Returns:
        Where theirs is now; None if nothing was kept.

    Raises:
        LabFailed: it cannot be written; theirs is whole.
        OSError: theirs cannot be moved aside.
    """
    kept = _free_name(target) if keeps and os.path.lexists(target) else None
    if kept is not None:
        target.rename(kept)
    try:
        _write(content, target)
    except LabError:
        if kept is not None:
            kept.rename(target)
        raise
    return kept


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= _MOST_LISTED else f"{len(names)} files"


def _is_same(path: Path, other: Path) -> bool:
    return path.exists() and other.exists() and path.samefile(other)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _hash_of(path: Path) -> str | None:
    """The hash of a file's content; None if it is no ordinary file."""
    return _hash(path.read_bytes()) if path.is_file() and not path.is_symlink() else None


def _write(content: bytes, target: Path) -> None:
    write_atomically(target, content, mode=0o644)


def _free_name(path: Path) -> Path:
    """A name beside a file that nothing has: 07-run-as-non-root-mine-1.ipynb."""
    names = (path.with_name(f"{path.stem}-mine-{number}{path.suffix}") for number in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))
