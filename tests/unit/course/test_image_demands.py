"""What a file must be closed to: strangers and the image's other accounts, who neither read, write nor replace it."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.archives import ImageTree
from labkit.archives.tree_entry import TreeEntry
from labkit.course.judging.image_demands import closed_to_strangers, describe, may_write
from labkit.course.judging.judged_image import JudgedImage
from labkit.lab.samples.image_facts import ImageFacts

_PASSWD = "root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\napp:x:1654:1654::/:/bin/sh\n"
_GROUP = "root:x:0:\nwww-data:x:33:\napp:x:1654:\n"


class _Looks:
    def __init__(self, user: str, entries: tuple[TreeEntry, ...]) -> None:
        self._user, self._entries = user, entries

    def image(self, name: str) -> ImageFacts:
        return ImageFacts(name, self._user, {}, (), (), (), "", _PASSWD, _GROUP, shell=False, size=0)

    def tree(self, _: str) -> ImageTree:
        return ImageTree([self._entries])


class _World:
    def __init__(self, looks: _Looks) -> None:
        self.look = looks


def _image(*entries: TreeEntry, user: str = "1654:1654") -> JudgedImage:
    world: Any = _World(_Looks(user, entries))
    return JudgedImage(world, "it")


def _file(uid: int, gid: int, mode: int) -> TreeEntry:
    return TreeEntry("/srv/menu", "file", uid, gid, mode)


def _srv(mode: int = 0o755) -> TreeEntry:
    return TreeEntry("/srv", "folder", 0, 0, mode)


@pytest.mark.parametrize("owner", [(1654, 1654, 0o640), (1654, 0, 0o600), (0, 1654, 0o640), (1654, 4711, 0o600)])
def test_a_file_of_the_image_s_user_and_root_is_closed(owner: tuple[int, int, int]) -> None:
    assert closed_to_strangers("closed", "/srv/menu", reading=True).unmet(_image(_srv(), _file(*owner))) is None


@pytest.mark.parametrize(
    ("owner", "folder", "diagnosis"),
    [
        ((1654, 0, 0o644), 0o755, "uid 4711, with a group of its own, may read"),
        ((1654, 0, 0o640), 0o755, "in group 0, as Docker starts an unknown uid, may read"),
        ((1654, 0, 0o622), 0o755, "may write"),
        ((33, 1654, 0o640), 0o755, "uid 33, www-data, may read"),
        ((33, 1654, 0o040), 0o755, "uid 33, www-data, may change the mode of"),
        ((5000, 1654, 0o640), 0o755, "uid 5000, may read"),
        ((1654, 33, 0o640), 0o755, "uid 4711, in group 33, may read"),
        ((1654, 0, 0o600), 0o777, "may replace"),
    ],
)
def test_a_file_that_others_reach_is_open(owner: tuple[int, int, int], folder: int, diagnosis: str) -> None:
    unmet = closed_to_strangers("closed", "/srv/menu", reading=True).unmet(_image(_srv(folder), _file(*owner)))
    assert unmet is not None and diagnosis in unmet


def test_a_closed_or_sticky_folder_closes_what_is_in_it() -> None:
    demand = closed_to_strangers("closed", "/srv/menu", reading=True)
    closed = TreeEntry("/srv", "folder", 1654, 1654, 0o700)
    assert demand.unmet(_image(closed, _file(0, 0, 0o644))) is None
    assert demand.unmet(_image(_srv(0o1777), _file(1654, 0, 0o600))) is None


def test_a_folder_below_counts_for_who_may_write() -> None:
    entries = (TreeEntry("/srv", "folder", 1654, 0, 0o755), TreeEntry("/srv/all", "folder", 0, 0, 0o777))
    unmet = closed_to_strangers("closed", "/srv").unmet(_image(*entries))
    assert unmet is not None and unmet.startswith("/srv/all is open")


def test_no_file_can_be_made_in_a_file() -> None:
    unmet = may_write("writes", "/srv/menu").unmet(_image(_srv(), _file(1654, 0, 0o600)))
    assert unmet == "/srv/menu is there, and it is not a folder."


def test_owner_and_mode_are_those_of_what_a_link_leads_to() -> None:
    entries = (TreeEntry("/data", "file", 7, 8, 0o600), TreeEntry("/link", "link", mode=0o777, target="/data"))
    assert describe(_image(*entries), "/link") == "/link leads to /data, and /data belongs to 7:8, mode 600"
    assert describe(_image(), "/link") == "There is no /link"


def test_whoever_an_access_control_list_lets_in_is_a_stranger_too() -> None:
    entries = ((1, 6, 0), (2, 4, 5000), (4, 0, 0), (16, 4, 0), (32, 0, 0))
    file = TreeEntry("/srv/menu", "file", 1654, 1654, 0o640, acl=entries)
    unmet = closed_to_strangers("closed", "/srv/menu", reading=True).unmet(_image(_srv(), file))
    assert unmet is not None and "uid 5000, may read it" in unmet
