"""What root opened in a container for the app that runs in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from unittest.mock import Mock

import pytest

from labkit.archives import ImageTree
from labkit.archives.tree_entry import TreeEntry
from labkit.core.identity.model import Identity
from labkit.course.judging.judged_container import JudgedContainer

_APP = Identity(uid=1654, gid=1654, groups=(1654,), user="app", home="/home/app")
_BEFORE = (
    TreeEntry("/etc", "folder"),
    TreeEntry("/etc/passwd", "file", mode=0o644),
    TreeEntry("/home/app", "folder", uid=1654),
)


def _container(changes: Iterable[TreeEntry]) -> JudgedContainer:
    world: Any = Mock()
    world.start.snapshot.return_value = "seen"
    trees = {"seen": ImageTree([_BEFORE, tuple(changes)]), "base": ImageTree([_BEFORE])}
    world.look.tree.side_effect = trees.get
    return JudgedContainer(world, Mock(), "base")


@pytest.mark.parametrize(
    ("change", "opened"),
    [
        (TreeEntry("/etc/passwd", "file", mode=0o666), ["/etc/passwd"]),
        (TreeEntry("/etc/passwd", "file", uid=1654), ["/etc/passwd"]),
        (TreeEntry("/etc", "folder", mode=0o777), ["/etc"]),
        (TreeEntry("/etc/passwd", "file", mode=0o600), []),
        (TreeEntry("/home/app", "folder", uid=1654, mode=0o700), []),
        (TreeEntry("/app/note.txt", "file", uid=1654), []),
    ],
)
def test_what_the_image_had_closed_to_the_app_and_it_may_change_now(change: TreeEntry, opened: list[str]) -> None:
    assert _container([change]).newly_open(_APP, "base") == opened
