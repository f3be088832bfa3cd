"""What to type in place of an image that nobody here has."""

from __future__ import annotations

from collections.abc import Iterable

from labkit.base.errors import did_you_mean


def near_image(image: str, names: Iterable[str], otherwise: str, *, most: int = 1) -> str:
    """What to type in place of an image that nobody here has: people write a registry and a tag, as at work.

    Args:
        image: as it was written.
        names: that there are, without registry and tag.
        otherwise: what to do if none is near.
        most: how many near ones to give.
    """
    known = list(names)
    last = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if last in known and last != image:
        return f"the lab's own is {last}, without registry and tag"
    if image in known:  # It is one of them, and the engine has lost it: its own name is no advice.
        return otherwise
    return did_you_mean(image, known, "", most=most) or did_you_mean(last, known, otherwise, most=most, cutoff=0.5)
