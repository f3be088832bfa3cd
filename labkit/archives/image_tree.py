"""All that an image's file system holds, as its layers make it: who owns each file, its mode, what it holds.

Layers are laid one over the other as the OCI's image specification says (opencontainers/image-spec:layer.md): a later
entry replaces an earlier one, `.wh.NAME` removes NAME, and `.wh..wh..opq` removes what lower layers have in a folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from labkit.archives.tree_entry import EXECUTE, READ, STICKY, WRITE, TreeEntry
from labkit.core.identity.model import Identity
from labkit.core.path_walk import PathWalk, walk_path

OPAQUE, WHITEOUT = ".wh..wh..opq", ".wh."
"""Names in a layer that remove what lower layers have: of a whole folder, and in front of a name."""


@dataclass(slots=True)
class _Place:
    """A place in the tree, and the layer that wrote it last."""

    entry: TreeEntry
    layer: int = 0
    children: dict[str, _Place] = field(default_factory=dict)


class ImageTree:
    """The file system of an image.

    Args:
        layers: of each, from the bottom, its entries in their order, whiteouts among them.
    """

    def __init__(self, layers: Iterable[Iterable[TreeEntry]]) -> None:
        self._root = _Place(TreeEntry("/", "folder"))
        for number, layer in enumerate(layers, 1):
            for entry in layer:
                self._apply(entry, number)

    # --- what there is ---

    def entry(self, path: str) -> TreeEntry | None:
        """What lies at a path; links on the way are followed, and the last name is not.

        Args:
            path: from the root, with or without a slash at either end.
        """
        end = self._walk(path, follow=False).end
        return end.entry if end else None

    def resolve(self, path: str) -> TreeEntry | None:
        """What lies where a path leads, all links followed; None if nothing does."""
        end = self._walk(path).end
        return end.entry if end else None

    def under(self, path: str) -> list[TreeEntry]:
        """All that lies under a folder, however deep, by path; nothing if it is none."""
        end = self._walk(path).end
        return sorted(_below(end), key=lambda entry: entry.path) if end else []

    def names_in(self, path: str) -> list[str] | None:
        """What a folder holds, by name; None if a path leads to no folder."""
        end = self._walk(path).end
        return sorted(end.children) if end and end.entry.kind == "folder" else None

    def setuid_files(self) -> list[TreeEntry]:
        """The files that change who runs them: with a setuid or setgid bit, or with capabilities of their own."""
        return [
            entry
            for entry in self.under("/")
            if entry.kind == "file" and (entry.is_setuid or entry.is_setgid or entry.capabilities)
        ]

    def content_digest(self, path: str) -> str | None:
        """The sha256 of the file that a path leads to; None if there is no such file."""
        entry = self.resolve(path)
        return entry.digest if entry and entry.kind == "file" else None

    # --- who may ---

    def may_read(self, identity: Identity, path: str) -> bool:
        """Whether somebody may read the file, or list the folder, that a path leads to."""
        return self._may(identity, path, READ)

    def may_write(self, identity: Identity, path: str) -> bool:
        """Whether somebody may write to the file that a path leads to, or add to the folder."""
        return self._may(identity, path, WRITE)

    def may_execute(self, identity: Identity, path: str) -> bool:
        """Whether somebody may start the program, or search the folder, that a path leads to."""
        return self._may(identity, path, EXECUTE)

    def replaceable_by(self, identity: Identity, path: str) -> bool:
        """Whether somebody could have another content at a path: write to the file, or put another in its place.

        That takes one of: to write to the file; to own it, which allows chmod; to write to a folder on the way, or to
        own one, and with it to rename what lies there. In a folder with the sticky bit only the owner of what lies
        there, or of the folder, may (unlink(2), EPERM).
        """
        walk = self._walk(path)
        if walk.end is None:
            return False
        for folder, name in walk.steps:
            if self._may_replace(identity, folder.entry, name.entry):
                return True
            if not folder.entry.permits(identity, EXECUTE):
                return False
        return _owns(identity, walk.end.entry) or walk.end.entry.permits(identity, WRITE)

    @staticmethod
    def _may_replace(identity: Identity, folder: TreeEntry, name: TreeEntry) -> bool:
        if _owns(identity, folder):
            return True
        writes = folder.permits(identity, WRITE) and folder.permits(identity, EXECUTE)
        return writes and (not folder.mode & STICKY or _owns(identity, name))

    def _may(self, identity: Identity, path: str, bit: int) -> bool:
        walk = self._walk(path)
        if walk.end is None or not all(folder.entry.permits(identity, EXECUTE) for folder, _ in walk.steps):
            return False
        needs_search = bit == WRITE and walk.end.entry.kind == "folder"
        entry = walk.end.entry
        return entry.permits(identity, bit) and (not needs_search or entry.permits(identity, EXECUTE))

    # --- how it is made ---

    def _apply(self, entry: TreeEntry, layer: int) -> None:
        """Lay an entry of a layer over what there is."""
        folder, _, name = entry.path.rpartition("/")
        if not name:
            self._root.entry = replace(entry, path="/")
            return
        parent = self._folder(folder, layer)
        if parent is None:
            return
        if name == OPAQUE:
            _hide_older(parent, layer)
        elif name.startswith(WHITEOUT):
            _hide(parent, name.removeprefix(WHITEOUT), layer)
        else:
            self._put(parent, name, entry, layer)

    def _put(self, parent: _Place, name: str, entry: TreeEntry, layer: int) -> None:
        above = parent.entry.path.rstrip("/")
        if entry.kind == "hard link":
            target = self._walk(entry.target, follow=False).end
            if target is None:
                return
            entry = target.entry
        entry = replace(entry, path=f"{above}/{name}")
        there = parent.children.get(name)
        children = there.children if there and there.entry.kind == entry.kind == "folder" else {}
        parent.children[name] = _Place(entry, layer, children)

    def _folder(self, path: str, layer: int) -> _Place | None:
        """The folder that a path leads to; what is missing of it is made, as unpackers do."""
        walk = self._walk(path)
        if walk.end is not None:
            return walk.end
        node, above = self._root, ""
        for name in filter(None, path.split("/")):
            above = f"{above}/{name}"
            if name not in node.children:
                node.children[name] = _Place(TreeEntry(above, "folder"), layer)
            node = node.children[name]
            if node.entry.kind == "link":
                return None
        return node

    def _walk(self, path: str, *, follow: bool = True) -> PathWalk[_Place]:
        return walk_path(self._root, path, _child, _link_target, follow=follow)


def _child(folder: _Place, name: str) -> _Place | None:
    return folder.children.get(name)


def _link_target(place: _Place) -> str | None:
    return place.entry.target if place.entry.kind == "link" else None


def _owns(identity: Identity, entry: TreeEntry) -> bool:
    """Whether somebody may do with it as its owner may: as its owner, or as root by CAP_FOWNER."""
    return identity.uid in (0, entry.uid)


def _below(node: _Place) -> Iterator[TreeEntry]:
    for child in node.children.values():
        yield child.entry
        yield from _below(child)


def _hide(parent: _Place, name: str, layer: int) -> None:
    """Remove what lower layers have at a name; a whiteout never hides what its own layer has."""
    child = parent.children.get(name)
    if child is None:
        return
    _hide_older(child, layer)
    if child.layer != layer and not child.children:
        del parent.children[name]


def _hide_older(folder: _Place, layer: int) -> None:
    for name in list(folder.children):
        _hide(folder, name, layer)
