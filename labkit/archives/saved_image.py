"""An image as the engine saves it, read while it comes: nothing of it is kept but what its tree needs."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, MutableMapping
from typing import IO, Any, cast

from labkit.archives.archive_files import LARGEST, Flaw, Opener, Record, clean_path, field_of, list_of, members, quoted
from labkit.archives.image_tree import ImageTree
from labkit.archives.tree_entry import Kind, TreeEntry
from labkit.archives.xattrs import access_list
from labkit.base.errors import LabFailed

Layer = list[TreeEntry]
_PIECE = 1 << 20
_CAPABILITY = "SCHILY.xattr.security.capability"
_ACL = "SCHILY.xattr.system.posix_acl_access"
_BARE_DIGEST = re.compile(
    r"([0-9a-f]{64})\.tar"
)  # containers/image:docker/internal/tarfile/writer.go, physicalLayerPath
_KINDS: dict[bytes, Kind] = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.GNUTYPE_SPARSE: "file",
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "link",
    tarfile.LNKTYPE: "hard link",
}


class Stream:
    """Bytes as they come, as a file that can be read on but not back.

    Args:
        pieces: of the bytes.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._buffer, self._start, self._position = b"", 0, 0

    def tell(self) -> int:
        """How many bytes were read."""
        return self._position

    def seekable(self) -> bool:
        """Forwards only."""
        return True

    def seek(self, offset: int) -> int:
        """Read on to an offset.

        Args:
            offset: in bytes from the beginning.

        Raises:
            Flaw: it lies behind, where only a damaged header leads.
        """
        if offset < self._position:
            raise Flaw("a header of its tar is damaged: it leads backwards")
        while self._position < offset and self.read(min(offset - self._position, _PIECE)):
            pass
        return self._position

    def read(self, size: int = -1) -> bytes:
        """The next bytes, fewer only at the end."""
        parts, missing = list[bytes](), size
        while missing:
            if self._start == len(self._buffer) and not self._next_piece():
                break
            end = len(self._buffer) if size < 0 else self._start + missing
            part = self._buffer[self._start : end]
            self._start += len(part)
            missing -= len(part) if size >= 0 else 0
            parts.append(part)
        content = parts[0] if len(parts) == 1 else b"".join(parts)
        self._position += len(content)
        return content

    def ahead(self, size: int) -> bytes:
        """The next bytes, which stay to be read."""
        while len(self._buffer) - self._start < size:
            rest = self._buffer[self._start :]
            if not self._next_piece():
                break
            self._buffer, self._start = rest + self._buffer, 0
        return self._buffer[self._start : self._start + size]

    def _next_piece(self) -> bool:
        piece = next(self._pieces, b"")
        if piece:
            self._buffer, self._start = piece, 0
        return bool(piece)


def read_tree(pieces: Iterable[bytes], known: MutableMapping[str, Layer]) -> ImageTree:
    """The tree of an image.

    Args:
        pieces: a tar archive of one image, as `docker save` writes it.
        known: layers that were read before, by their names in archives, which are their digests; new ones are added.

    Raises:
        LabFailed: it is no such archive, or it is damaged or has a compression that this Python has not.
    """
    try:
        return _read_tree(Stream(pieces), known)
    except Flaw as flaw:
        problem, remedy = (*flaw.args, "build the image again")[:2]
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, LookupError) as error:
        problem, remedy = f"it is truncated or damaged ({quoted(error)})", "build the image again"
    raise LabFailed("Reading an image's layers", problem, remedy)


def _read_tree(stream: Stream, known: MutableMapping[str, Layer]) -> ImageTree:
    documents: dict[str, bytes] = {}
    layers: dict[str, Layer] = {}
    links: dict[str, str] = {}
    for member, _ in members(cast("IO[bytes]", stream)):
        name = _digest_name(clean_path(member.name))
        if member.issym():
            # An older `docker save` writes a layer that images share once, and links to it.
            links[name] = _digest_name(clean_path(f"{name}/../{member.linkname}"))
        elif member.isreg() and name in known:
            layers[name] = known[name]
        elif member.isreg() and stream.ahead(1) in (b"{", b"["):
            documents[name] = stream.read(min(member.size, LARGEST))
        elif member.isreg() and (name.startswith("blobs/") or name.endswith(".tar")):
            layers[name] = _read_layer(stream, member.size)
            if name.startswith("blobs/"):
                known[name] = layers[name]
    wanted = [_digest_name(clean_path(name)) for name in _layer_names(documents.get("manifest.json", b""))]
    return ImageTree(_layer(layers, links.get(name, name)) for name in wanted)


def _digest_name(name: str) -> str:
    """A layer's name as Docker gives it today; podman calls it by its digest alone."""
    digest = _BARE_DIGEST.fullmatch(name)
    return f"blobs/sha256/{digest[1]}" if digest else name


def _layer_names(manifest: bytes) -> list[str]:
    entries = list_of({"manifest.json": json.loads(manifest or b"[]")}, "manifest.json", dict)
    if not entries:
        raise Flaw("there is no image in it")
    return list_of(cast(Record, field_of({"entry": entries[0]}, "entry", dict)), "Layers", str)


def _layer(layers: dict[str, Layer], name: str) -> Layer:
    if name not in layers:
        raise Flaw(f"its layer {quoted(name)} is missing")
    return layers[name]


def _read_layer(stream: Stream, size: int) -> Layer:
    """The entries of the layer that begins where the stream stands."""
    magic = stream.ahead(4)
    if magic == b"\x28\xb5\x2f\xfd":
        raise Flaw("a layer is compressed by zstd, which this Python cannot read", "build the image with gzip layers")
    part: Any = Stream(_part(stream, size))
    if magic[:2] == b"\x1f\x8b":
        part = gzip.GzipFile(fileobj=part)
    return [_entry(member, lend) for member, lend in members(part)]


def _part(stream: Stream, size: int) -> Iterator[bytes]:
    while size and (piece := stream.read(min(size, _PIECE))):
        size -= len(piece)
        yield piece


def _entry(member: tarfile.TarInfo, lend: Opener) -> TreeEntry:
    kind = _KINDS.get(member.type, "other")
    return TreeEntry(
        f"/{clean_path(member.name)}",
        kind,
        member.uid,
        member.gid,
        member.mode & 0o7777,
        member.size,
        member.linkname,
        _digest(lend()) if kind == "file" else "",
        _CAPABILITY in member.pax_headers,
        access_list(member.pax_headers.get(_ACL, "").encode("utf-8", "surrogateescape")),
    )


def _digest(content: IO[bytes]) -> str:
    digest = hashlib.sha256(usedforsecurity=False)
    while piece := content.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()
