"""Reading image archives; nothing is ever unpacked.

What this package offers is imported when it is first used (PEP 562): tarfile, gzip and hashlib take 30 ms, and most
calls of `labkit explain` read no archive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.archives.archive import ImageContent, read_archive
    from labkit.archives.image_tree import ImageTree
    from labkit.archives.layer_folder import read_layer_folder
    from labkit.archives.saved_image import read_tree
    from labkit.archives.tree_entry import TreeEntry

__all__ = [
    "ImageContent",
    "ImageTree",
    "TreeEntry",
    "read_archive",
    "read_layer_folder",
    "read_tree",
]

__getattr__ = imported_when_used(
    __name__,
    {
        "ImageContent": "archive",
        "ImageTree": "image_tree",
        "TreeEntry": "tree_entry",
        "read_archive": "archive",
        "read_layer_folder": "layer_folder",
        "read_tree": "saved_image",
    },
)
