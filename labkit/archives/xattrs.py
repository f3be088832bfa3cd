"""Extended attributes that decide who may use a file."""

from __future__ import annotations

import struct

from labkit.archives.archive_files import Flaw
from labkit.archives.tree_entry import AclEntry

# torvalds/linux:include/uapi/linux/posix_acl_xattr.h, POSIX_ACL_XATTR_VERSION
_ACL_VERSION, _ACL_HEADER, _ACL_ENTRY = 2, struct.Struct("<I"), struct.Struct("<HHI")


def access_list(content: bytes) -> tuple[AclEntry, ...]:
    """A file's access control list (acl(5)), as the kernel has it in an extended attribute; empty for none.

    Raises:
        Flaw: it is none that the kernel would take.
    """
    if not content:
        return ()
    try:
        (version,) = _ACL_HEADER.unpack_from(content)
        entries = tuple(_ACL_ENTRY.iter_unpack(content[_ACL_HEADER.size :]))
    except struct.error:
        version, entries = 0, ()
    if version != _ACL_VERSION:
        raise Flaw("a file's access control list in it is damaged")
    return entries
