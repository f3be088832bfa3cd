"""PURE. The way to a path through folders and symbolic links, as the kernel goes it within a root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

MOST_LINKS = 40
"""More of them end in ELOOP (path_resolution(7))."""

Place = TypeVar("Place")


@dataclass(slots=True)
class PathWalk(Generic[Place]):
    """The way to a path: each name that was looked up in a folder, and where it ends.

    Args:
        steps: the folder, and what has the name in it.
        end: what lies there; None if nothing does, or if the links lead on and on.
    """

    steps: list[tuple[Place, Place]] = field(default_factory=list)
    end: Place | None = None


def walk_path(
    root: Place,
    path: str,
    child: Callable[[Place, str], Place | None],
    target: Callable[[Place], str | None],
    *,
    follow: bool,
) -> PathWalk[Place]:
    """Go along a path within a root; links on the way are followed.

    Args:
        root: where a path begins, and what `..` does not leave.
        path: with or without a slash at either end.
        child: what has a name in a folder; None if nothing has.
        target: where a symbolic link leads, to the letter; None for anything else.
        follow: whether a link at its end is followed, too.
    """
    walk: PathWalk[Place] = PathWalk()
    at, links = [root], 0
    todo = path.split("/")[::-1]
    while todo:
        name = todo.pop()
        if name == "..":
            del at[1 if len(at) == 1 else -1 :]
        if name in ("", ".", ".."):
            continue
        place = child(at[-1], name)
        if place is None:
            return walk
        walk.steps.append((at[-1], place))
        leads_to = target(place)
        if leads_to is None or not (follow or any(todo)):
            at.append(place)
            continue
        if (links := links + 1) > MOST_LINKS:
            return walk
        if leads_to.startswith("/"):
            del at[1:]
        todo += leads_to.split("/")[::-1]
    walk.end = at[-1]
    return walk
