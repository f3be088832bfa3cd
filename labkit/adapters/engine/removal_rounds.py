"""Removing images in rounds: one that others are made of goes once they are gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from labkit.adapters.engine_answers import ListedImage

_NO_NAME = "<none>:<none>"
"""What the API before 1.43 lists for an image without a name (moby/moby:docs/api/version-history.md)."""


def remove_in_rounds(
    list_images: Callable[[], Sequence[ListedImage]],
    remove: Callable[[str], bool],
    listed: Sequence[ListedImage] | None = None,
    *,
    lists_all: bool = True,
) -> list[str]:
    """Remove images by all of their names, and those without one by their ids.

    Args:
        list_images: tells which are left; this takes the engine a while where it has many.
        remove: removes a name; False if something is in its way.
        listed: what `list_images` has told just now; None to ask.
        lists_all: whether a list has all of them; else only those of which no other image is made, so that what is in
            the way of one is a container, and more appear once these are gone.

    Returns:
        What is gone.
    """
    removed: list[str] = []
    kept: set[str] = set()
    images = list_images() if listed is None else listed
    while names := [name for image in images for name in _names(image) if name not in kept]:
        gone = [name for name in names if remove(name)]
        removed += gone
        if lists_all and (not gone or len(gone) == len(names) == len(images)):
            break
        if not lists_all:
            kept |= set(names) - set(gone)
        images = list_images()
    return removed


def _names(image: ListedImage) -> Sequence[str]:
    return [name for name in image.get("RepoTags") or () if name != _NO_NAME] or [image["Id"]]
