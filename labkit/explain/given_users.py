"""The users of images that somebody gave, as `--image-user NAME=USER`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from labkit.base.errors import Misuse
from labkit.core.image_reference import ImageReference


class GivenUsers:
    """Users of images that somebody gave, and which of them an image was found for.

    Args:
        users: by any spelling of an image's name.

    Raises:
        Misuse: two spellings of one name have different users.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users: dict[ImageReference, str] = {}
        self._unused: dict[ImageReference, str] = {}
        for name, user in users.items():
            reference = ImageReference.parse(name).tagged()
            if self._users.setdefault(reference, user) != user:
                remedy = "give the image's user once"
                raise Misuse(f"Reading --image-user {name}={user}", f"another user was given for {reference}", remedy)
            self._unused[reference] = name

    def find(self, name: str) -> str | None:
        """The user of an image; an image with a digest may be given by its tag, or by the digest."""
        image = ImageReference.parse(name).tagged()
        by_digest, by_tag = replace(image, tag=""), replace(image, digest="")
        for reference in self._users:
            bare = replace(reference, tag="") if reference.digest else reference
            if bare in (image, by_digest) or (image.tag and bare == by_tag):
                self._unused.pop(reference, None)
                return self._users[reference]
        return None

    def unused(self) -> list[str]:
        """The names, as they were given, of which no image was looked for."""
        return list(self._unused.values())


def parse_users(pairs: Sequence[str]) -> dict[str, str]:
    """Read NAME=USER pairs; an empty USER is root, as in an image.

    Raises:
        Misuse: one is no such pair.
    """
    users = {}
    for pair in pairs:
        name, equals, user = pair.partition("=")
        if not name or not equals:
            raise Misuse(
                f"Reading --image-user {pair!r}", "it is not NAME=USER", "for example\n  --image-user nginx:1.29=101"
            )
        users[name] = user
    return users
