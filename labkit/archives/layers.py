"""The account files of an image as its layers make them: whiteouts, links, one layer over the other."""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple, cast

from labkit.archives.archive_files import (
    LARGEST,
    LONGEST_PATH,
    MOST_HOPS,
    Flaw,
    Opener,
    Store,
    clean_path,
    members,
    unpacked,
)

_ACCOUNTS = {"passwd": "etc/passwd", "group": "etc/group"}
_TOO_LARGE = "look at what writes that file into the image: engines refuse it as well"


class _Node(NamedTuple):
    """What lies at a path: a file, folder, link, hard link to a path that is not watched yet, or other."""

    kind: str
    target: str = ""
    size: int = 0
    data: bytes = b""


_OTHER = _Node("other")


class AccountFiles(NamedTuple):
    """The texts of passwd and group; None for what is not there."""

    passwd: str | None
    group: str | None


class Tree:
    """What layers make of the few paths that matter."""

    def __init__(self, watched: set[str]) -> None:
        self._watched = watched
        self._nodes: dict[str, _Node] = {}

    def walk(self, path: str) -> tuple[str | None, set[str]]:
        """Follow a path within the image's root.

        Returns:
            Where it leads, None for too many links; and the paths that decide that.
        """
        done, passed = list[str](), set[str]()
        todo, hops = path.split("/")[::-1], 0
        while todo:
            part = todo.pop()
            if part == "..":
                del done[-1:]
            elif part not in ("", "."):
                done.append(part)
                at = "/".join(done)
                passed.add(at)
                node = self._nodes.get(at)
                if node and node.kind == "link":
                    hops += 1
                    if hops > MOST_HOPS or len(node.target) > LONGEST_PATH:
                        return None, passed
                    done = [] if node.target.startswith("/") else done[:-1]
                    todo += node.target.split("/")[::-1]
        return "/".join(done), passed

    def _drop(self, top: str, keep: set[str]) -> None:
        for path in [path for path in self._nodes if f"{path}/".startswith(top) and path not in keep]:
            del self._nodes[path]

    def apply(self, source: IO[bytes]) -> None:
        """Lay one more layer over it."""
        own: set[str] = set()  # a whiteout hides what lower layers have, never what its own layer has
        for member, lend in members(source):
            folder, _, base = clean_path(member.name).rpartition("/")
            parent, _ = self.walk(folder)
            if not base or parent is None:
                continue
            path = f"{parent}/{base}".lstrip("/")
            if base == ".wh..wh..opq":
                self._drop(parent and f"{parent}/", own)
            elif base.startswith(".wh."):
                self._drop(path.removesuffix(base) + base[4:] + "/", own)
            elif path in self._watched:
                node = self._node(member, lend)
                if not node.kind == self._nodes.get(path, _OTHER).kind == "folder":
                    self._drop(f"{path}/", set())
                above = [path[: slash.start()] for slash in re.finditer("/", path)]
                self._nodes |= {path: node, **dict.fromkeys(above, _Node("folder"))}
                own.add(path)

    def _node(self, member: tarfile.TarInfo, lend: Opener) -> _Node:
        if member.isreg():
            return _Node("file", size=member.size, data=lend().read() if member.size <= LARGEST else b"")
        if member.islnk():
            target, _ = self.walk(clean_path(member.linkname))
            return self._nodes.get(target or "", _OTHER) if target in self._watched else _Node("hard", target or "")
        return _Node("link", member.linkname) if member.issym() else _Node("folder") if member.isdir() else _OTHER

    def find(self, path: str) -> tuple[_Node, set[str]]:
        """What lies where a path leads, and the paths that decide it."""
        end, passed = self.walk(path)
        node = self._nodes.get(end or "", _OTHER)
        if node.kind == "hard":
            passed |= self.walk(node.target)[1]
        return node, passed


def account_files(store: Store, layers: list[str]) -> AccountFiles:
    """The texts of the account files in the file system that layers make.

    Args:
        store: has the layers.
        layers: their names in it, the lowest first.

    Raises:
        Flaw: a layer is damaged, or an account file is larger than is read.
    """
    watched, passed = set[str](), {"etc", *_ACCOUNTS.values()}
    nodes: dict[str, _Node] = {}
    # Only a link of which the target was not watched needs the layers to be read once more.
    for _ in range(MOST_HOPS + 1):
        if passed <= watched:
            break
        watched |= passed
        tree = Tree(watched)
        for layer in layers:
            with store.open(layer, "layer") as raw:
                tree.apply(unpacked(raw))
        passed = set()
        for key, path in _ACCOUNTS.items():
            nodes[key], decisive = tree.find(path)
            passed |= decisive
    for key, node in nodes.items():
        if node.size > LARGEST:
            raise Flaw(f"its {key} file has {node.size} bytes, and no more than {LARGEST} are read", _TOO_LARGE)
    texts = {
        key: node.data.decode("utf-8", "surrogateescape") if node.kind == "file" else None
        for key, node in nodes.items()
    }
    return AccountFiles(texts["passwd"], texts["group"])


def account_files_of(layers: Sequence[Path]) -> AccountFiles:
    """The texts of passwd and group in the file system that some layers make, each in a file of its own.

    Args:
        layers: from the bottom.

    Raises:
        Flaw: one of them is no layer.
    """
    store = Store()
    store.files = {str(layer): cast(Opener, partial(layer.open, "rb")) for layer in layers}
    try:
        return account_files(store, list(store.files))
    except (OSError, EOFError, zlib.error) as error:
        raise Flaw(f"a layer is damaged: {error}") from error
