"""The app's files: which of a folder are published, and the layer that they become."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from labkit.base.errors import LabFailed, Misuse, remedy_of_system
from labkit.base.resources import CLUSTER
from labkit.publish.rules.project import Project

HELLO = CLUSTER / "apps" / "hello"
"""The article's own program, as the .NET SDK published it."""

_SOURCES = {".cs", ".csproj", ".fs", ".fsproj", ".vb", ".vbproj", ".sln", ".slnx", ".user", ".dockerfile"}
_NOT_PUBLISHED = {"bin", "obj", ".git", ".vs", ".vscode", "Properties", "Dockerfile", ".dockerignore", ".gitignore"}
_IMPLICIT = ("Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "Directory.Build.rsp")
_LARGEST = 1 << 31
_MODE = 0o755  # Of every entry, as the SDK writes them (dotnet/sdk:src/Containers/.../Layer.cs, DetermineFileMode).


@dataclass(frozen=True)
class AppFolder:
    """A folder with a project file.

    Args:
        folder: the folder.
        project_file: its only project file.
    """

    folder: Path
    project_file: Path

    @classmethod
    def find(cls, path: Path) -> AppFolder:
        """Find the project file of a folder.

        Raises:
            Misuse: there is no such folder, no project file in it, or more than one.
        """
        doing = f"Publishing {path}"
        if path.is_file() and path.suffix.endswith("proj"):
            return cls(path.parent, path)
        if not path.is_dir():
            raise Misuse(doing, "there is no such folder", "name the folder of a project file\n  labkit publish APP")
        projects = sorted(file for file in path.iterdir() if file.suffix in (".csproj", ".fsproj", ".vbproj"))
        if len(projects) != 1:
            came_back = f"it has {len(projects)} project files" if projects else "it has no project file (*.csproj)"
            raise Misuse(
                doing, came_back, "name the folder, or the project file itself\n  labkit publish APP/app.csproj"
            )
        return cls(path, projects[0])

    def implicit_imports(self) -> list[Path]:
        """Files beside the project or above it that MSBuild would import without being told to."""
        resolved = self.folder.resolve()
        above = [folder / name for folder in (resolved, *resolved.parents) for name in _IMPLICIT]
        beside = [self.project_file.with_name(self.project_file.name + ".user")]
        return [file for file in (*beside, *above) if file.is_file()]

    def published(self, project: Project) -> Path:
        """The folder with the published files: what `dotnet publish` wrote, or the folder itself."""
        framework, rid = project.get("TargetFramework"), project.get("RuntimeIdentifier")
        built = self.folder / "bin" / project.get("Configuration", "Release") / framework
        places = [self.folder / project.get("PublishDir")] if project.get("PublishDir") else []
        places += [built / rid / "publish", built / "publish", self.folder / "publish"]
        return next((place for place in places if place.is_dir()), self.folder)


def published_files(folder: Path, *, whole: bool) -> list[tuple[str, Path]]:
    """What is published of a folder, by the path that it gets below the working directory, sorted.

    Args:
        folder: the folder.
        whole: whether it holds nothing but published files; else sources and build folders are left out.

    Raises:
        LabFailed: it is empty, cannot be read, or holds a link that leaves it or what is neither file nor folder.
    """
    root = folder.resolve()
    files = [(file.relative_to(root).as_posix(), file) for file in _walk(root, root, whole)]
    if not any(file.is_file() for _, file in files):
        raise _cannot(folder, "there is nothing to publish in it", "put the published files there\n  dotnet publish")
    return sorted(files)


def _walk(folder: Path, root: Path, whole: bool) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        remedy = remedy_of_system(error, "see that you may read it\n  ls -la")
        raise _cannot(folder, error.strerror or str(error), remedy) from error
    for path in entries:
        if not whole and (path.name in _NOT_PUBLISHED or path.suffix.lower() in _SOURCES):
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise _cannot(path, "it is a link that leaves the app's folder", "put the file itself there, or remove it")
        if path.is_symlink() and path.is_dir():
            raise _cannot(path, "it is a link to a folder", "put the folder itself there, or remove it")
        kind = path.stat().st_mode if path.exists() else 0
        if stat.S_ISDIR(kind):
            yield path
            yield from _walk(path, root, whole)
        elif stat.S_ISREG(kind):
            yield path
        else:
            raise _cannot(path, "it is neither a file nor a folder", "remove it")


def _cannot(path: Path, why: str, remedy: str) -> LabFailed:
    return LabFailed(f"Reading {path}", why, remedy)


@dataclass(frozen=True)
class Layer:
    """The app's layer as a gzip-compressed tar file.

    Args:
        path: the file.
        digest: of the compressed bytes.
        diff_id: digest of the uncompressed ones.
        size: in compressed bytes.
    """

    path: Path
    digest: str
    diff_id: str
    size: int


def write_layer(files: list[tuple[str, Path]], directory: str, target: Path, seconds: int) -> Layer:
    """Write the app's files as a layer: the same files give the same bytes.

    Args:
        files: by path below the working directory.
        directory: the working directory.
        target: the file to write.
        seconds: the time of every entry, since the epoch.

    Raises:
        LabFailed: a file cannot be read, or is larger than the kit publishes.
    """
    inside = directory.replace("\\", "/").strip("/")
    with target.open("wb") as raw:
        packed = _Hashed(raw)
        with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=6, mtime=0) as zipped:
            plain = _Hashed(zipped)
            with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
                tar.addfile(_entry(inside, seconds, tarfile.DIRTYPE))
                for name, path in files:
                    _add(tar, f"{inside}/{name}", path, seconds)
    return Layer(target, packed.digest, plain.digest, packed.size)


def _add(tar: tarfile.TarFile, name: str, path: Path, seconds: int) -> None:
    if path.is_dir():
        tar.addfile(_entry(name, seconds, tarfile.DIRTYPE))
        return
    entry = _entry(name, seconds, tarfile.REGTYPE)
    try:
        entry.size = path.stat().st_size
        if entry.size >= _LARGEST:
            raise _cannot(path, f"it has {entry.size} bytes; the kit publishes files below 2 GiB", "leave it out")
        with path.open("rb") as source:
            tar.addfile(entry, source)
    except OSError as error:
        if error.errno == 28:  # ENOSPC is about where we write, and is reported there.
            raise
        raise _cannot(
            path, error.strerror or str(error), "see that you may read it, and that nobody changes it"
        ) from error


def _entry(name: str, seconds: int, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = kind, _MODE, seconds
    return entry


class _Hashed(io.RawIOBase):
    """Counts and hashes what goes through it."""

    def __init__(self, sink: IO[bytes] | gzip.GzipFile) -> None:
        self._sink, self._hash, self.size = sink, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        content = bytes(data)  # type: ignore[call-overload]
        self._hash.update(content)
        self.size += len(content)
        self._sink.write(content)
        return len(content)

    def tell(self) -> int:
        return self.size

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def source_date() -> int:
    """SOURCE_DATE_EPOCH (reproducible-builds.org), in seconds; 0 where it is not set.

    Raises:
        Misuse: it is not a number.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise Misuse("Reading SOURCE_DATE_EPOCH", f"{text!r} is not a number of seconds", "unset it, or give seconds")
    return int(text)
