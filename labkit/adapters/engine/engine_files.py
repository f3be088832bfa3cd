"""Files of images and containers, looked at and changed without running anything of them, as `docker cp` does."""

from __future__ import annotations

import contextlib
import io
import posixpath
import tarfile
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, cast

from docker.errors import NotFound

from labkit.adapters.engine.engine_connection import EngineConnection
from labkit.adapters.engine.engine_errors import doing
from labkit.adapters.engine_answers import PathInImage, digest_of, paths_in, read_path
from labkit.adapters.podman import ExportedFiles
from labkit.base.errors import LabFailed
from labkit.core.path_walk import MOST_LINKS
from labkit.core.started import FileNow

_CHUNK = 1 << 20
_Read = TypeVar("_Read")


class _TooManyLinks(LabFailed):
    """Symbolic links that lead on and on."""


def _itself(_: tarfile.TarFile, member: tarfile.TarInfo) -> tarfile.TarInfo:
    return member


class _Chunks(io.RawIOBase):
    """An iterator of bytes as a file, so that a large file's header can be read without the rest."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._rest += chunk
        taken = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(taken) :]
        return taken


class EngineFiles(EngineConnection):
    """What is done with the files of images and of containers that were made and not started."""

    def look_inside(self, reference: str, paths: Sequence[str]) -> dict[str, PathInImage | None]:
        """Look at paths of an image.

        Returns:
            What is at each path, None where there is nothing.
        """
        with self._made_of(reference) as container:
            if self.is_podman:
                with self._exported(container) as files:
                    return paths_in(files, paths)
            return {path: self._look_at(container, path) for path in paths}

    def _look_at(self, container: str, path: str) -> PathInImage | None:
        try:
            chunks, _ = self._api.get_archive(container, path)
        except NotFound:
            return None
        with contextlib.closing(chunks):
            return read_path(_Chunks(chunks))

    def file_digest(self, reference: str, *paths: str) -> str | None:
        """The sha256 of the first of some paths of an image at which there is a file, symbolic links followed.

        Args:
            reference: the image.
            paths: from the root.

        Returns:
            None if there is no file at any of them.
        """
        with self._made_of(reference) as container:
            return next(filter(None, (self._digest_at(container, path) for path in paths)), None)

    def _exported(self, container: str) -> ExportedFiles:
        """All files of a container of podman's."""
        return ExportedFiles(self._api.export(container, chunk_size=_CHUNK))

    def _digest_at(self, container: str, path: str) -> str | None:
        try:
            return self._follow(container, path, digest_of)[1]
        except (NotFound, _TooManyLinks):
            return None

    def replace_content(self, container: str, path: str, content: bytes) -> None:
        """Give a file another content; owner and mode stay.

        Args:
            container: it was not started yet, or runs.
            path: of the file, from the root; symbolic links are followed.
            content: the new one.

        Raises:
            LabFailed: there is no such file.
        """
        path, file = self._follow(container, path, _itself)
        if not file.isfile():
            raise LabFailed(f"Changing {path} of a container", "it is not a file", "build the image again")
        file.name, file.size = posixpath.basename(path), len(content)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.addfile(file, io.BytesIO(content))
        self._api.put_archive(container, posixpath.dirname(path) or "/", archive.getvalue())

    def file_now(self, container: str, path: str) -> FileNow | None:
        """Owner and mode of a file of a container as it is now, symbolic links followed; None if there is none."""
        with doing(f"Looking at {path} of a container"):
            try:
                _, file = self._follow(container, path, _itself)
            except NotFound:
                return None
        return FileNow(file.uid, file.gid, file.mode & 0o7777)

    def _follow(
        self, container: str, path: str, read: Callable[[tarfile.TarFile, tarfile.TarInfo], _Read]
    ) -> tuple[str, _Read]:
        """Where a path leads in a container, and what is read of what lies there.

        Raises:
            NotFound: nothing lies there.
            _TooManyLinks: the links lead nowhere.
        """
        if self.is_podman:
            with self._exported(container) as files:
                if (file := files.find(path, follow=True)) is None:
                    raise NotFound(f"{path} is not in the container")
                return f"/{file.name}", read(files.tar, file)
        for _ in range(MOST_LINKS):
            chunks, _ = self._api.get_archive(container, path, chunk_size=_CHUNK)
            with contextlib.closing(chunks), tarfile.open(fileobj=_Chunks(chunks), mode="r|") as tar:
                member = cast(tarfile.TarInfo, tar.next())
                if not member.issym():
                    return path, read(tar, member)
            path = posixpath.join(posixpath.dirname(path), member.linkname)
        tried = f"Looking at {path} of a container"
        raise _TooManyLinks(tried, "it leads through too many links", "build the image again")

    @contextlib.contextmanager
    def _made_of(self, reference: str) -> Iterator[str]:
        """A container of an image, which is never started, and goes again."""
        with doing(f"Looking into {reference}"):
            # An image without a program of its own makes no container without this word.
            container = self._api.create_container(reference, command=["none"], labels=self._configuration.labels)["Id"]
            try:
                yield container
            finally:
                self._api.remove_container(container, force=True, v=True)
