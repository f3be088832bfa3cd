"""What lies at a path of an image, and who may read, write or execute it, by the kernel's rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from labkit.core.identity.model import Identity

READ, WRITE, EXECUTE = 4, 2, 1
_SETUID, _SETGID, STICKY = 0o4000, 0o2000, 0o1000
# torvalds/linux:include/uapi/linux/posix_acl.h
_ACL_USER, _ACL_GROUP_OWNER, _ACL_GROUP = 0x02, 0x04, 0x08
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
            return bit != EXECUTE or self.kind == "folder" or bool(self.mode & 0o111)
        if identity.uid == self.uid:
            return bool(self.mode >> 6 & bit)
        if self.acl:
            return self._list_permits(identity, bit)
        in_group = self.gid in (identity.gid, *identity.groups)
        return bool((self.mode >> 3 if in_group else self.mode) & bit)

    def _list_permits(self, identity: Identity, bit: int) -> bool:
        """What the access control list gives somebody who is not the owner.

        Where there is a list, the mode's bits of the group are its mask, whatever mask an archive has: an engine sets
        the list and then the mode, which sets the mask (acl(5), "Correspondence between ACL entries and file permission
        bits"; moby/moby:pkg/archive/archive.go, createTarFile).
        """
        mask = self.mode >> 3 & 0o7
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
