"""Images as `docker save` writes them, made of a few lines."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Sequence

_TYPES = {"dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "fifo": tarfile.FIFOTYPE}


def member(
    name: str,
    kind: str = "file",
    *,
    owner: str = "0:0",
    mode: int = 0o644,
    target: str = "",
    text: str = "",
    headers: dict[str, str] | None = None,
) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a layer."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = _TYPES.get(kind, tarfile.REGTYPE), mode, target
    info.uid, info.gid = map(int, owner.split(":"))
    info.pax_headers = headers or {}
    content = text.encode()
    info.size = len(content)
    return info, content


Members = Sequence[tuple[tarfile.TarInfo, bytes]]


def packed(members: Members) -> bytes:
    """A tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def saved_image(*layers: Members, compress: Callable[[bytes], bytes] = bytes) -> bytes:
    """An image's archive."""
    blobs = {}
    for layer in layers:
        content = compress(packed(layer))
        blobs[f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"] = content
    names = [f"blobs/sha256/{hashlib.sha256(compress(packed(layer))).hexdigest()}" for layer in layers]
    manifest = json.dumps([{"Config": "blobs/sha256/0", "Layers": names, "RepoTags": None}]).encode()
    documents = {"blobs/sha256/0": b"{}", "oci-layout": b"{}", "manifest.json": manifest}
    return packed([(_named(name, content), content) for name, content in (blobs | documents).items()])


def squeezed(content: bytes) -> bytes:
    """Compressed, the same each time."""
    return gzip.compress(content, mtime=0)


def _named(name: str, content: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info
