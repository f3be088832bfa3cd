"""The files inside of an image archive, by name: read where they lie, never extracted."""

from __future__ import annotations

import gzip
import json
import posixpath
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar, cast

_T = TypeVar("_T")
Record = dict[str, Any]
Opener = Callable[[], IO[bytes]]
LARGEST = 16 << 20  # of an account file (containerd refuses over 10 MiB) and of a JSON document
MOST_HOPS, LONGEST_PATH = 8, 4096  # a chain of links; Linux's PATH_MAX
_HEADERS = 2 << 20  # Go's archive/tar, and with it the engines, refuses an extended header over 1 MiB
_DOCUMENTS, _FILES = 1000, 100_000
_NAME = "name a tar file, or the folder of an OCI image layout"
# An engine saves what its store holds, zstd too; skopeo's docker-archive has plain layers whatever came in.
_NO_ZSTD = """write it by docker save, or by skopeo copy with plain or gzip layers
  skopeo copy oci-archive:OLD.tar docker-archive:NEW.tar
  skopeo copy --dest-compress-format gzip --dest-force-compress-format oci:OLD oci:NEW"""


class Flaw(Exception):
    """What is wrong with an archive and, where the remedy is not to write it again, what to do."""


def quoted(text: object) -> str:
    """Text of an archive, safe to print: no control characters, no lone surrogates, not endless."""
    return ascii(str(text)[:120])


def clean_path(name: str) -> str:
    """A path without `.`, `..` and doubled slashes, from the root; empty for one that climbs out of it."""
    clean = posixpath.normpath(name.lstrip("/")) if len(name) <= LONGEST_PATH else ".."
    return "" if clean.partition("/")[0] in (".", "..") else clean


class _Guarded:
    """Lends tarfile a file in which a header that lies can neither lead backwards nor fill the memory."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self.tell, self.seekable, self.last = source, source.tell, source.seekable, b""
        self.allowance: int | None = _HEADERS

    def read(self, size: int) -> bytes:
        if self.allowance is not None:
            self.allowance -= size
            if size < 0 or self.allowance < 0:
                raise Flaw("a header of its tar is damaged, or larger than engines accept")
        self.last = self._source.read(size)
        return self.last

    def seek(self, offset: int) -> int:
        if self.allowance is not None and not self.tell() <= offset < 1 << 62:
            raise Flaw("a header of its tar is damaged: it gives a size that cannot be")
        return self._source.seek(offset)


def members(source: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, Opener]]:
    """Go through a tar once: each member, and what opens it before the next is asked for or after the last.

    Raises:
        Flaw: it is no tar, or a truncated or damaged one.
    """
    stream, tar = _Guarded(source), None

    def lend(member: tarfile.TarInfo) -> IO[bytes]:
        stream.allowance = None if stream.allowance is None else member.size
        return cast(Any, tar).extractfile(member)  # type: ignore[no-any-return]

    try:
        tar = tarfile.TarFile(fileobj=cast(Any, stream), encoding="utf-8", errors="surrogateescape")
        while member := tar.next():
            # tarfile keeps all of them, and a layer may have any number.
            tar.members, tar.pax_headers = [], {}  # type: ignore[attr-defined]
            yield member, partial(lend, member)
            stream.allowance = _HEADERS
    except tarfile.TarError as error:
        raise Flaw(
            f"its tar is truncated or damaged ({error})" if tar else f"it is not a tar archive, plain or gzip ({error})"
        ) from error
    # tarfile takes a damaged header for the end; Go's reader takes zeros, or nothing at all, for it.
    if stream.last.strip(b"\0"):
        raise Flaw("its tar is truncated or damaged")
    stream.allowance = None
    while isinstance(source, gzip.GzipFile) and source.read(1 << 16):
        pass  # up to its checksum


def unpacked(raw: IO[bytes]) -> IO[bytes]:
    """A file's content, decompressed while it is read.

    Raises:
        Flaw: it is compressed by zstd.
    """
    magic = raw.read(4)
    raw.seek(0)
    if magic == b"\x28\xb5\x2f\xfd":
        raise Flaw("it is compressed by zstd, and zstd layers cannot be read by this Python", _NO_ZSTD)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if magic[:2] == b"\x1f\x8b" else raw


class Store:
    """The files of an archive by name: what is looked up in it never becomes a path of this machine."""

    def __init__(self) -> None:
        self.files: dict[str, Opener] = {}
        self.reading, self._documents = "", 0

    def load(self, path: Path, stack: ExitStack) -> None:
        """Find what is in an archive.

        Args:
            path: of a tar, or of the folder of an OCI layout.
            stack: closes what is opened.

        Raises:
            Flaw: it is neither, or a damaged tar.
        """
        root, links = path.resolve(), dict[str, str]()
        if path.is_dir():
            for file in (root / "oci-layout", root / "index.json", *root.glob("blobs/*/*")):
                if file.is_file() and file.resolve().is_relative_to(root):
                    self.files[file.relative_to(root).as_posix()] = cast(Opener, partial(file.resolve().open, "rb"))
        elif not path.is_file():  # opening a pipe would wait for its writer
            raise Flaw("there is no such file" if not path.exists() else "it is neither a file nor a folder", _NAME)
        else:
            for member, lend in members(unpacked(stack.enter_context(path.open("rb")))):
                if member.isreg():
                    self.files[clean_path(member.name)] = lend
                elif member.issym() and not member.linkname.startswith("/"):
                    # An older `docker save` writes a layer that images share once, and links to it.
                    links[clean_path(member.name)] = clean_path(f"{member.name}/../{member.linkname}")
                if len(self.files) + len(links) > _FILES:
                    raise Flaw(f"it holds more than {_FILES} files; an image archive holds a few hundred")
        self.files.pop("", None)
        for _ in range(MOST_HOPS):
            self.files |= {name: self.files[target] for name, target in links.items() if target in self.files}

    def open(self, name: str, part: str) -> IO[bytes]:
        """Open a file that must be there.

        Args:
            name: of the file.
            part: which part of an image it is, for the error.

        Raises:
            Flaw: it is not there.
        """
        if name not in self.files:
            raise Flaw(f"the {part} {quoted(name)} is missing in it, or is a link that leaves it")
        self.reading = f" at {quoted(name)}"
        return self.files[name]()

    def json(self, name: str, kind: type[_T], part: str) -> _T:
        """A JSON document.

        Args:
            name: of the file.
            kind: the wanted type.
            part: which part of an image it is, for the error.

        Raises:
            Flaw: it is not there, is too large, or is not such a document.
        """
        self._documents += 1
        with self.open(name, part) as source:
            data = source.read(LARGEST + 1)
        if len(data) > LARGEST or self._documents > _DOCUMENTS:
            raise Flaw(f"the {part} is larger than {LARGEST} bytes, or it is one of more than {_DOCUMENTS}")
        try:
            return field_of({part: json.loads(data)}, part, kind)
        except ValueError as error:
            raise Flaw(f"the {part} is not JSON ({quoted(error)})") from error


def field_of(record: Record, key: str, kind: type[_T]) -> _T:
    """A field of a JSON object; an absent or a null one is empty, as for Go.

    Args:
        record: the object.
        key: the field's name.
        kind: what it must be.

    Raises:
        Flaw: it is of another kind.
    """
    value = record.get(key)
    if value is not None and not isinstance(value, kind):
        raise Flaw(f"{key} in it is a JSON {type(value).__name__}, not a {kind.__name__}")
    return kind() if value is None else value


def list_of(record: Record, key: str, kind: type[_T]) -> list[_T]:
    """A list in a JSON object, each entry of one kind; an absent or a null one is empty.

    Args:
        record: the object.
        key: the list's name.
        kind: what each entry must be.

    Raises:
        Flaw: it is no list, or an entry is of another kind.
    """
    return [
        field_of({f"an entry of {key}": value}, f"an entry of {key}", kind) for value in field_of(record, key, list)
    ]
