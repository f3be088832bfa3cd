"""An image's file system, as its layers make it, and who may do what in it."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.archives import ImageTree, TreeEntry, read_tree
from labkit.base.errors import LabFailed
from labkit.core.identity.model import Identity
from tests.unit.archives.layered import Members, member, packed, saved_image, squeezed

_BASE: Members = [
    member("etc/", "dir", mode=0o755),
    member("etc/passwd", text="root"),
    member("srv/", "dir", owner="0:50", mode=0o750),
    member("srv/menu", owner="7:50", mode=0o640, text="soup"),
    member("usr/", "dir", mode=0o755),
    member("usr/bin/", "dir", mode=0o755),
    member("usr/bin/su", mode=0o4755, text="su"),
    member("bin", "link", target="usr/bin", mode=0o777),
    member("tmp/", "dir", mode=0o1777),
    member("tmp/of-7", owner="7:7", mode=0o644),
    member("data", "link", target="/srv/../srv", mode=0o777),
]


def who(uid: int, gid: int | None = None, *groups: int) -> Identity:
    """Somebody."""
    return Identity(uid, uid if gid is None else gid, groups, None, "/")


def tree(*layers: Members, compress: Callable[[bytes], bytes] = bytes, piece: int = 1000) -> ImageTree:
    """An image's tree, its archive coming in pieces."""
    raw = saved_image(*layers, compress=compress)
    return read_tree((raw[start : start + piece] for start in range(0, len(raw), piece)), {})


@pytest.mark.parametrize("compress", [bytes, squeezed])
@pytest.mark.parametrize("piece", [1, 512, 100_000])
def test_entries_are_as_the_layer_has_them(compress: Callable[[bytes], bytes], piece: int) -> None:
    image = tree(_BASE, compress=compress, piece=piece)
    digest = hashlib.sha256(b"soup").hexdigest()
    assert image.entry("/srv/menu") == TreeEntry("/srv/menu", "file", 7, 50, 0o640, 4, "", digest)
    assert image.entry("srv/menu/") == image.entry("/srv/menu")
    assert image.content_digest("/data/menu") == digest
    assert image.content_digest("/srv") is None
    assert image.content_digest("/nothing") is None
    bin_link = image.entry("/bin")
    assert bin_link is not None
    assert (bin_link.kind, bin_link.target) == ("link", "usr/bin")
    assert image.entry("/bin/su") == image.entry("/usr/bin/su") == image.resolve("/bin/su")
    assert [entry.path for entry in image.under("/srv/")] == ["/srv/menu"]
    assert [entry.path for entry in image.under("/bin")] == ["/usr/bin/su"]
    assert image.under("/etc/passwd") == image.under("/nothing") == []


def test_files_that_change_who_runs_them_are_listed() -> None:
    more = [
        member("a", mode=0o2755),
        member("b", mode=0o755, headers={"SCHILY.xattr.security.capability": "x"}),
        member("c", "dir", mode=0o2755),
        member("d", "hard", target="usr/bin/su"),
    ]
    image = tree(_BASE, more)
    assert [entry.path for entry in image.setuid_files()] == ["/a", "/b", "/d", "/usr/bin/su"]
    assert image.setuid_files()[-1].octal == "4755"
    chmod = [member("usr/bin/su", mode=0o755, text="su")]
    assert [entry.path for entry in tree(_BASE, chmod).setuid_files()] == []


def _paths(image: ImageTree) -> set[str]:
    return {entry.path for entry in image.under("/")}


@pytest.mark.parametrize(
    ("upper", "gone", "new"),
    [
        ([member("srv/.wh.menu")], {"/srv/menu"}, set()),
        ([member(".wh.srv")], {"/srv", "/srv/menu"}, set()),
        ([member("srv/", "dir"), member("srv/.wh..wh..opq"), member("srv/new")], {"/srv/menu"}, {"/srv/new"}),
        ([member("srv/new"), member("srv/.wh..wh..opq")], {"/srv/menu"}, {"/srv/new"}),
        ([member(".wh.srv"), member("srv/", "dir"), member("srv/new")], {"/srv/menu"}, {"/srv/new"}),
        ([member("srv", text="a file now")], {"/srv/menu"}, set()),
        ([member("etc", "dir"), member("etc/new")], set(), {"/etc/new"}),
        ([member("bin/sh", text="through the link")], set(), {"/usr/bin/sh"}),
        ([member("opt/deep/new")], set(), {"/opt", "/opt/deep", "/opt/deep/new"}),
        ([member(".wh.nothing"), member("none/.wh.x")], set(), {"/none"}),
        ([member("loop", "link", target="loop"), member("loop/x")], set(), {"/loop"}),
        ([member("../../climbs")], set(), set()),
    ],
)
def test_layers_are_laid_over_each_other(upper: Members, gone: set[str], new: set[str]) -> None:
    assert _paths(tree(_BASE, upper)) == _paths(tree(_BASE)) - gone | new


def test_a_folder_that_is_changed_keeps_what_is_in_it() -> None:
    image = tree(_BASE, [member("srv/", "dir", owner="9:9", mode=0o700)])
    folder = image.entry("/srv")
    assert folder is not None
    assert (folder.uid, folder.octal) == (9, "700")
    assert image.entry("/srv/menu") is not None


@pytest.mark.parametrize(
    ("identity", "path", "reads", "writes", "executes", "replaces"),
    [
        (who(1654), "/srv/menu", False, False, False, False),
        (who(1654, 0), "/srv/menu", False, False, False, False),
        (who(1654, 0, 50), "/srv/menu", True, False, False, False),
        (who(1654, 50), "/data/menu", True, False, False, False),
        (who(7, 7), "/srv/menu", False, False, False, False),
        (who(7, 50), "/srv/menu", True, True, False, True),
        (who(0), "/srv/menu", True, True, False, True),
        (who(1654), "/usr/bin/su", True, False, True, False),
        (who(1654), "/bin/su", True, False, True, False),
        (who(7), "/tmp/of-7", True, True, False, True),
        (who(1654), "/tmp/of-7", True, False, False, False),
        (who(1654), "/tmp", True, True, True, True),
        (who(1654), "/etc/none", False, False, False, False),
    ],
)
def test_who_may(identity: Identity, path: str, reads: bool, writes: bool, executes: bool, replaces: bool) -> None:
    image = tree(_BASE)
    may = (image.may_read(identity, path), image.may_write(identity, path), image.may_execute(identity, path))
    assert (*may, image.replaceable_by(identity, path)) == (reads, writes, executes, replaces)


@pytest.mark.parametrize(
    ("upper", "replaces"),
    [
        ([member("usr/bin/", "dir", owner="1654:0")], True),
        ([member("usr/", "dir", owner="1654:0", mode=0o555)], True),
        ([member("usr/", "dir", mode=0o777)], True),
        ([member("usr/", "dir", mode=0o1777)], False),
        ([member("usr/", "dir", mode=0o1777), member("usr/bin/", "dir", owner="1654:0", mode=0o555)], True),
        ([member("./", "dir", mode=0o777)], True),
        ([member("usr/", "dir", owner="0:1654", mode=0o770)], True),
        ([member("usr/", "dir", owner="0:0", mode=0o770)], False),
        ([member("usr/", "dir", mode=0o744), member("usr/bin/", "dir", mode=0o777)], False),
        ([member("usr/bin/su", owner="1654:0", mode=0o555)], True),
        ([member("usr/bin/su", mode=0o666)], True),
        ([], False),
    ],
)
@pytest.mark.parametrize("path", ["/usr/bin/su", "/bin/su"])
def test_a_program_is_replaced_through_any_folder_on_its_way(upper: Members, replaces: bool, path: str) -> None:
    assert tree(_BASE, upper).replaceable_by(who(1654), path) is replaces


_MODES = st.integers(0, 0o7777)
_IDS = st.sampled_from([0, 1, 2, 3])


@given(st.lists(st.tuples(_IDS, _IDS, _MODES), min_size=3, max_size=3), _IDS, _IDS, st.sets(_IDS))
def test_the_rule_is_that_of_a_plain_model(ids: list[tuple[int, int, int]], uid: int, gid: int, more: set[int]) -> None:
    """A model of its own: three digits, each the sum of what one class may; and access(2) on the whole way."""
    names = ("a/", "a/b/", "a/b/c")
    members = [
        member(name, "dir" if name.endswith("/") else "file", owner=f"{owner}:{group}", mode=mode)
        for name, (owner, group, mode) in zip(names, ids, strict=True)
    ]
    image, identity = tree(members), Identity(uid, gid, tuple(sorted(more)), None, "/")

    def may(position: int, letter: str) -> bool:
        owner, group, mode = ids[position]
        digits = f"{mode & 0o777:03o}"
        if uid == 0:
            return letter != "x" or position < 2 or any(int(digit) % 2 for digit in digits)
        digit = int(digits[0] if uid == owner else digits[1] if group in {gid, *more} else digits[2])
        return (
            letter in {"r": "4567", "w": "2367", "x": "1357"}
            and str(digit)
            in {
                "r": "4567",
                "w": "2367",
                "x": "1357",
            }[letter]
        )

    reaches = may(0, "x") and may(1, "x")
    asked = {"r": image.may_read, "w": image.may_write, "x": image.may_execute}
    assert {letter: ask(identity, "/a/b/c") for letter, ask in asked.items()} == {
        letter: reaches and may(2, letter) for letter in asked
    }
    if image.may_write(identity, "/a/b/c"):
        assert image.replaceable_by(identity, "/a/b/c")


def test_a_layer_that_was_read_before_is_not_read_again() -> None:
    known: dict[str, list[TreeEntry]] = {}
    raw = saved_image(_BASE)
    read_tree([raw], known)
    (name,) = known
    known[name] = [TreeEntry("/kept", "file")]
    assert [entry.path for entry in read_tree([raw], known).under("/")] == ["/kept"]


def test_a_shared_layer_of_an_older_docker_is_found_by_its_link() -> None:
    layer = packed(_BASE)
    link = member("b/layer.tar", "link", target="../a/layer.tar")
    info, _ = member("a/layer.tar")
    info.size = len(layer)
    manifest = member("manifest.json", text='[{"Config": "x.json", "Layers": ["a/layer.tar", "b/layer.tar"]}]')
    image = read_tree([packed([(info, layer), link, manifest])], {})
    assert image.entry("/srv/menu") is not None


def test_a_layer_that_podman_calls_by_its_digest_alone_is_known_by_dockers_name_for_it() -> None:
    content, digest = packed(_BASE), "7" * 64
    info, _ = member(f"{digest}.tar")
    info.size = len(content)
    link = member("b/layer.tar", "link", target=f"../{digest}.tar")
    manifest = member("manifest.json", text=json.dumps([{"Config": "x.json", "Layers": [f"{digest}.tar"]}]))
    known: dict[str, list[TreeEntry]] = {}
    image = read_tree([packed([(info, content), link, manifest])], known)
    assert image.entry("/srv/menu") is not None
    assert list(known) == [f"blobs/sha256/{digest}"]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "not a tar archive"),
        (b"no tar at all" * 100, "not a tar archive"),
        (saved_image(_BASE)[:3000], "truncated or damaged"),
        (packed([member("manifest.json", text="[]")]), "there is no image in it"),
        (packed([member("manifest.json", text="{")]), "truncated or damaged"),
        (packed([member("manifest.json", text='[{"Layers": ["x"]}]')]), "its layer 'x' is missing"),
        (packed([member("manifest.json", text='[{"Layers": [1]}]')]), "not a str"),
        (saved_image(_BASE, compress=lambda content: b"\x28\xb5\x2f\xfd" + content), "zstd"),
    ],
)
def test_a_damaged_archive_is_an_error_in_a_sentence(raw: bytes, problem: str) -> None:
    with pytest.raises(LabFailed, match=problem):
        read_tree([raw] if raw else [], {})


def test_an_image_without_layers_is_empty() -> None:
    assert read_tree([saved_image()], {}).under("/") == []


_ANY = 0xFFFFFFFF


def _list(*entries: tuple[int, int, int], version: int = 2) -> dict[str, str]:
    """The extended attribute of an access control list, as a layer's header has it."""
    content = struct.pack("<I", version) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    return {"SCHILY.xattr.system.posix_acl_access": content.decode("utf-8", "surrogateescape")}


_USER, _OWNER, _GROUP_OWNER, _GROUP, _MASK, _OTHERS = 2, 1, 4, 8, 16, 32


@pytest.mark.parametrize(
    ("identity", "reads"),
    [
        (who(7), True),
        (who(8), False),
        (who(9, 50), True),
        (who(9, 9, 50), True),
        (who(9, 51), False),
        (who(9, 5), False),
        (who(9), False),
        (who(1), True),
    ],
)
def test_an_access_control_list_goes_before_the_mode(identity: Identity, reads: bool) -> None:
    entries = [(_OWNER, 6, _ANY), (_USER, 4, 7), (_USER, 0, 8), (_GROUP_OWNER, 0, _ANY), (_GROUP, 4, 50)]
    headers = _list(*entries, (_GROUP, 2, 51), (_MASK, 4, _ANY), (_OTHERS, 0, _ANY))
    image = tree([member("srv/menu", owner="1:5", mode=0o640, headers=headers)])
    assert image.may_read(identity, "/srv/menu") is reads
    assert not image.may_write(who(9, 51), "/srv/menu")  # the mask takes it away
    entry = image.entry("/srv/menu")
    assert entry is not None and (entry.acl_users, entry.acl_groups) == ((7, 8), (50, 51))


@pytest.mark.parametrize("headers", [_list(version=3), {"SCHILY.xattr.system.posix_acl_access": "abc"}])
def test_a_list_that_the_kernel_would_not_take_is_an_error(headers: dict[str, str]) -> None:
    with pytest.raises(LabFailed, match="access control list in it is damaged"):
        tree([member("srv/menu", headers=headers)])
