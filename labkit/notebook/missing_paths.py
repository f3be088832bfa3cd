"""What is said of a path that an image does not have: how far it leads, and what is there."""

from __future__ import annotations

from labkit.archives import ImageTree
from labkit.base.errors import Misuse, did_you_mean

_MOST_NAMES = 20


def no_such_path(image: str, path: str, tree: ImageTree | None) -> Misuse:
    """The error for a path that an image does not have; what lies nearest is named.

    Args:
        image: by its name.
        path: that was asked for.
        tree: all that the image holds; None where that is not known.
    """
    tried = f"Looking for {path!r} in the image {image}"
    if tree is None:
        return Misuse(tried, "there is nothing at that path", "give it from the root of the image, as in /etc/passwd")
    folder, missing = "", ""
    for missing in filter(None, path.split("/")):
        if tree.resolve(f"{folder}/{missing}") is None:
            break
        folder += f"/{missing}"
    names = tree.names_in(folder)
    if names is None:
        return Misuse(tried, f"{folder} is not a folder", f"leave out what follows {folder}")
    if missing in names:
        return Misuse(tried, f"{folder}/{missing} is a link to what is not there", f"leave out what follows {missing}")
    shown = names[:_MOST_NAMES] + [f"and {len(names) - _MOST_NAMES} more"] * (len(names) > _MOST_NAMES)
    came_back = f"there is no {missing} in {folder or '/'}, which has {', '.join(shown) or 'nothing in it'}"
    near = did_you_mean(missing, names, "").removeprefix("did you mean ")
    return Misuse(tried, came_back, f"did you mean {folder}/{near}" if near else "take one that is there")
