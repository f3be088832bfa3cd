"""All that an image's file system holds, as its layers make it: who owns each file, its mode, what it holds.

Layers are laid one over the other as the OCI's image specification says (opencontainers/image-spec:layer.md): a later
entry replaces an earlier one, `.wh.NAME` removes NAME, and `.wh..wh..opq` removes what lower layers have in a folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from labkit.core.identity.model import Identity

_OPAQUE, _WHITEOUT = ".wh..wh..opq", ".wh."
_MOST_LINKS = 40  # path_resolution(7): more of them end in ELOOP
_READ, _WRITE, _EXECUTE = 4, 2, 1
_SETUID, _SETGID, _STICKY = 0o4000, 0o2000, 0o1000
# torvalds/linux:include/uapi/linux/posix_acl.h
_ACL_USER, _ACL_GROUP_OWNER, _ACL_GROUP, _ACL_MASK = 0x02, 0x04, 0x08, 0x10
AclEntry = tuple[int, int, int]
Kind = Literal["file", "folder", "link", "hard link", "other"]


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """What lies at a path of an image.

    Args:
        path: from the root, such as "/etc/passwd".
        kind: of what it is; a hard link is what it is linked to.
        uid: of its owner.
        gid: of its group.
        mode: its permission bits with setuid, setgid and sticky, such as 0o4755.
        size: in bytes.
        target: of a symbolic link, to the letter.
        digest: of a file's content, as sha256 in hexadecimal digits; empty for anything else.
        capabilities: whether the file gives capabilities to whoever starts it (capabilities(7), "File capabilities").
        acl: its access control list, beyond what its mode says (acl(5)): tag, permissions and id of each entry.
    """

    path: str
    kind: Kind
    uid: int = 0
    gid: int = 0
    mode: int = 0o755
    size: int = 0
    target: str = ""
    digest: str = ""
    capabilities: bool = False
    acl: tuple[AclEntry, ...] = ()

    @property
    def acl_users(self) -> tuple[int, ...]:
        """The uids that its access control list names."""
        return tuple(number for tag, _, number in self.acl if tag == _ACL_USER)

    @property
    def acl_groups(self) -> tuple[int, ...]:
        """The gids that its access control list names."""
        return tuple(number for tag, _, number in self.acl if tag == _ACL_GROUP)

    @property
    def octal(self) -> str:
        """Its mode as `stat -c %a` prints it."""
        return f"{self.mode:o}"

    @property
    def is_setuid(self) -> bool:
        """Whether whoever starts it becomes its owner."""
        return bool(self.mode & _SETUID)

    @property
    def is_setgid(self) -> bool:
        """Whether whoever starts it gets its group."""
        return bool(self.mode & _SETGID)

    def permits(self, identity: Identity, bit: int) -> bool:
        """The kernel's rule: the owner's bits for the owner, else the group's for its members, else the others'.

        Root without a user namespace has the capability CAP_DAC_OVERRIDE in a container as the engine starts it: only
        to execute a file somebody must be allowed to (path_resolution(7), capabilities(7)). An access control list goes
        before the bits of group and others (acl(5), "Access check algorithm").
        """
        if identity.uid == 0:
            return bit != _EXECUTE or self.kind == "folder" or bool(self.mode & 0o111)
        if identity.uid == self.uid:
            return bool(self.mode >> 6 & bit)
        if self.acl:
            return self._list_permits(identity, bit)
        in_group = self.gid in (identity.gid, *identity.groups)
        return bool((self.mode >> 3 if in_group else self.mode) & bit)

    def _list_permits(self, identity: Identity, bit: int) -> bool:
        """What the access control list gives somebody who is not the owner."""
        mask = next((permissions for tag, permissions, _ in self.acl if tag == _ACL_MASK), 0o7)
        for tag, permissions, number in self.acl:
            if tag == _ACL_USER and number == identity.uid:
                return bool(permissions & mask & bit)
        groups = {identity.gid, *identity.groups}
        of_groups = [
            permissions
            for tag, permissions, number in self.acl
            if (tag == _ACL_GROUP and number in groups) or (tag == _ACL_GROUP_OWNER and self.gid in groups)
        ]
        if of_groups:
            return any(permissions & mask & bit for permissions in of_groups)
        return bool(self.mode & bit)


@dataclass(slots=True)
class _Place:
    """A place in the tree, and the layer that wrote it last."""

    entry: TreeEntry
    layer: int = 0
    children: dict[str, _Place] = field(default_factory=dict)


@dataclass(slots=True)
class _Walk:
    """The way to a path: each name that was looked up in a folder, and where it ends.

    Args:
        steps: the folder, and what has the name in it.
        end: what lies there; None if nothing does.
    """

    steps: list[tuple[_Place, _Place]]
    end: _Place | None


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
        return self._may(identity, path, _READ)

    def may_write(self, identity: Identity, path: str) -> bool:
        """Whether somebody may write to the file that a path leads to, or add to the folder."""
        return self._may(identity, path, _WRITE)

    def may_execute(self, identity: Identity, path: str) -> bool:
        """Whether somebody may start the program, or search the folder, that a path leads to."""
        return self._may(identity, path, _EXECUTE)

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
            if not folder.entry.permits(identity, _EXECUTE):
                return False
        return _owns(identity, walk.end.entry) or walk.end.entry.permits(identity, _WRITE)

    @staticmethod
    def _may_replace(identity: Identity, folder: TreeEntry, name: TreeEntry) -> bool:
        if _owns(identity, folder):
            return True
        writes = folder.permits(identity, _WRITE) and folder.permits(identity, _EXECUTE)
        return writes and (not folder.mode & _STICKY or _owns(identity, name))

    def _may(self, identity: Identity, path: str, bit: int) -> bool:
        walk = self._walk(path)
        if walk.end is None or not all(folder.entry.permits(identity, _EXECUTE) for folder, _ in walk.steps):
            return False
        needs_search = bit == _WRITE and walk.end.entry.kind == "folder"
        entry = walk.end.entry
        return entry.permits(identity, bit) and (not needs_search or entry.permits(identity, _EXECUTE))

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
        if name == _OPAQUE:
            _hide_older(parent, layer)
        elif name.startswith(_WHITEOUT):
            _hide(parent, name.removeprefix(_WHITEOUT), layer)
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

    def _walk(self, path: str, *, follow: bool = True) -> _Walk:
        """Go along a path within the image's root, as the kernel does."""
        at, steps, hops = [self._root], list[tuple[_Place, _Place]](), 0
        todo = path.split("/")[::-1]
        while todo:
            name = todo.pop()
            if name == "..":
                del at[1 if len(at) == 1 else -1 :]
            if name in ("", ".", ".."):
                continue
            child = at[-1].children.get(name)
            if child is None:
                return _Walk(steps, None)
            steps.append((at[-1], child))
            if child.entry.kind == "link" and (follow or any(part for part in todo)):
                hops += 1
                if hops > _MOST_LINKS:
                    return _Walk(steps, None)
                if child.entry.target.startswith("/"):
                    del at[1:]
                todo += child.entry.target.split("/")[::-1]
            else:
                at.append(child)
        return _Walk(steps, at[-1])


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
