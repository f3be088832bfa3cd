"""The way to a path, as the kernel goes it: folders, links, `..` at the root, links that lead on and on."""

from __future__ import annotations

import pytest

from labkit.core.path_walk import MOST_LINKS, walk_path

_FOLDERS = {"/": ("a", "loop", "up", "chain"), "/a": ("b", "back"), "/a/b": ("file",)}
_LINKS = {"/loop": "loop", "/a/back": "/a/b/", "/up": "../../../a//./b", "/chain": "a/back"}


def _child(folder: str, name: str) -> str | None:
    return f"{folder.rstrip('/')}/{name}" if name in _FOLDERS.get(folder, ()) else None


@pytest.mark.parametrize(
    ("path", "itself", "end"),
    [
        ("", "/", "/"),
        ("/", "/", "/"),
        ("..", "/", "/"),
        ("a//b/", "/a/b", "/a/b"),
        ("/a/b/../b/./file", "/a/b/file", "/a/b/file"),
        ("/a/back", "/a/back", "/a/b"),
        ("/a/back/file", "/a/b/file", "/a/b/file"),
        ("/a/back/..", "/a", "/a"),
        ("/up/file", "/a/b/file", "/a/b/file"),
        ("/chain", "/chain", "/a/b"),
        ("/chain/file", "/a/b/file", "/a/b/file"),
        ("/loop", "/loop", None),
        ("/loop/x", None, None),
        ("/gone", None, None),
        ("/a/b/file/x", None, None),
    ],
)
def test_where_a_path_ends(path: str, itself: str | None, end: str | None) -> None:
    assert walk_path("/", path, _child, _LINKS.get, follow=False).end == itself
    assert walk_path("/", path, _child, _LINKS.get, follow=True).end == end


def test_each_name_that_was_looked_up_is_a_step() -> None:
    steps = walk_path("/", "/a/back/file", _child, _LINKS.get, follow=True).steps
    assert steps == [("/", "/a"), ("/a", "/a/back"), ("/", "/a"), ("/a", "/a/b"), ("/a/b", "/a/b/file")]


@pytest.mark.parametrize(("links", "end"), [(MOST_LINKS, "0"), (MOST_LINKS + 1, None)])
def test_more_links_than_the_kernel_follows_lead_nowhere(links: int, end: str | None) -> None:
    def leads_to(place: str) -> str | None:
        return str(int(place) - 1) if place not in ("", "0") else None

    assert walk_path("", str(links), lambda _, name: name, leads_to, follow=True).end == end
