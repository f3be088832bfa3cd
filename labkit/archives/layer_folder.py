"""A layer as an engine's overlay store has it: a folder with what the layer adds, and marks for what it removes.

(docs.kernel.org/filesystems/overlayfs.html, "whiteouts and opaque directories")
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from labkit.archives.archive_files import Flaw
from labkit.archives.image_tree import OPAQUE, WHITEOUT
from labkit.archives.tree_entry import Kind, TreeEntry
from labkit.archives.xattrs import access_list

_ACL, _CAPABILITY = "system.posix_acl_access", "security.capability"
_OPAQUE_MARK, _OPAQUE_YES = "trusted.overlay.opaque", b"y"
_ELSEWHERE = {"trusted.overlay.redirect", "trusted.overlay.metacopy"}
_KINDS: dict[int, Kind] = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


def read_layer_folder(folder: Path) -> list[TreeEntry]:
    """The entries of a layer, as its archive would have them.

    Args:
        folder: where the store has the layer.

    Raises:
        OSError: part of it may not be read, or is gone.
        Flaw: it does not tell all: the store's ids are mapped, or parts of it refer to other layers.
    """
    status = folder.stat()
    # Of an engine in a user namespace; each root folder belongs to whom root is mapped to.
    if (status.st_uid, status.st_gid) != (0, 0):
        raise Flaw(f"the owners in {folder} are mapped to other numbers")
    return list(_entries(str(folder), ""))


def _entries(folder: str, path: str) -> Iterator[TreeEntry]:
    """What is in a folder, each folder before what is in it."""
    with os.scandir(folder) as listing:
        children = sorted(listing, key=lambda child: child.name)
    for child in children:
        status, below = child.stat(follow_symlinks=False), f"{path}/{child.name}"
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            yield TreeEntry(f"{path}/{WHITEOUT}{child.name}", "file")
            continue
        yield _entry(child.path, below, status)
        if stat.S_ISDIR(status.st_mode):
            if _is_opaque(child.path):
                yield TreeEntry(f"{below}/{OPAQUE}", "file")
            yield from _entries(child.path, below)


def _is_opaque(folder: str) -> bool:
    """Whether nothing of lower layers is in a folder."""
    return _OPAQUE_MARK in os.listxattr(folder) and os.getxattr(folder, _OPAQUE_MARK) == _OPAQUE_YES


def _entry(file: str, path: str, status: os.stat_result) -> TreeEntry:
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "other")
    attributes = os.listxattr(file, follow_symlinks=False)
    if _ELSEWHERE.intersection(attributes):
        raise Flaw(f"what is in {file} is in another layer")
    return TreeEntry(
        path,
        kind,
        status.st_uid,
        status.st_gid,
        stat.S_IMODE(status.st_mode),
        status.st_size if kind == "file" else 0,
        os.readlink(file) if kind == "link" else "",  # noqa: PTH115  # To the letter; a Path drops slashes.
        _digest(file) if kind == "file" else "",
        _CAPABILITY in attributes,
        access_list(os.getxattr(file, _ACL, follow_symlinks=False)) if _ACL in attributes else (),
    )


def _digest(file: str) -> str:
    with Path(file).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
