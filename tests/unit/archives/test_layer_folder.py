"""A layer that is read where an overlay store has it holds what its archive would."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from labkit.archives import ImageTree, read_layer_folder
from labkit.archives.archive_files import Flaw
from labkit.archives.tree_entry import TreeEntry
from labkit.archives.xattrs import access_list

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners, devices and trusted attributes are root's to set")


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """An empty layer."""
    (tmp_path / "diff").mkdir()
    return tmp_path / "diff"


def _mark(path: Path, name: str, value: bytes) -> None:
    try:
        os.setxattr(path, name, value, follow_symlinks=False)
    except OSError:
        pytest.skip(f"no {name} here")


def test_owners_modes_links_and_contents_are_read(layer: Path) -> None:
    (layer / "srv").mkdir(mode=0o750)
    menu = layer / "srv" / "menu"
    menu.write_text("soup\n", encoding="utf-8")
    os.chown(menu, 1654, 33)
    menu.chmod(0o4640)
    (layer / "link").symlink_to("srv/../srv/menu")
    os.mkfifo(layer / "pipe")
    entries = {entry.path: entry for entry in read_layer_folder(layer)}
    assert list(entries) == ["/link", "/pipe", "/srv", "/srv/menu"]
    assert entries["/srv"] == TreeEntry("/srv", "folder", 0, 0, 0o750)
    its_menu = entries["/srv/menu"]
    assert (its_menu.uid, its_menu.gid, its_menu.mode, its_menu.size) == (1654, 33, 0o4640, 5)
    assert entries["/link"].target == "srv/../srv/menu"
    assert entries["/pipe"].kind == "other"
    digest = ImageTree([entries.values()]).content_digest("/link")
    assert digest == hashlib.sha256(b"soup\n").hexdigest()


def test_what_a_layer_removes_is_removed(layer: Path) -> None:
    below = [TreeEntry("/a", "folder"), TreeEntry("/a/old", "file"), TreeEntry("/b", "file"), TreeEntry("/c", "file")]
    (layer / "a").mkdir()
    (layer / "a" / "new").touch()
    _mark(layer / "a", "trusted.overlay.opaque", b"y")
    os.mknod(layer / "b", stat.S_IFCHR, os.makedev(0, 0))
    tree = ImageTree([below, read_layer_folder(layer)])
    assert [entry.path for entry in tree.under("/")] == ["/a", "/a/new", "/c"]


def test_capabilities_and_access_lists_are_read(layer: Path) -> None:
    (layer / "ping").touch()
    _mark(layer / "ping", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    (layer / "open").touch()
    # user::rw-, user:4711:r--, group::---, mask::r--, other::---
    acl = bytes.fromhex("0200000001000600ffffffff020004006712000004000000ffffffff10000400ffffffff20000000ffffffff")
    _mark(layer / "open", "system.posix_acl_access", acl)
    entries = {entry.path: entry for entry in read_layer_folder(layer)}
    assert entries["/ping"].capabilities and not entries["/open"].capabilities
    assert entries["/open"].acl == access_list(acl)
    assert entries["/open"].acl_users == (4711,)


def test_a_layer_that_does_not_tell_all_is_not_read(layer: Path) -> None:
    (layer / "a").mkdir()
    _mark(layer / "a", "trusted.overlay.redirect", b"/b")
    with pytest.raises(Flaw, match="in another layer"):
        read_layer_folder(layer)


def test_mapped_ids_are_no_owners(layer: Path) -> None:
    os.chown(layer, 100000, 100000)
    with pytest.raises(Flaw, match="mapped to other numbers"):
        read_layer_folder(layer)
