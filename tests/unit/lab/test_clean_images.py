"""Images of the lab are removed in as few rounds as it takes: an engine with many images lists them slowly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import pytest

from labkit.adapters.engine import Engine, ListedImage
from labkit.lab.clean import remove_images

Listed = Mapping[str, Sequence[str]]
"""Names of images by their ids."""


class ListingEngine:
    """Has images, some of which others are in the way of."""

    def __init__(self, images: Listed, needed_by: Mapping[str, str]) -> None:
        self.images = {identifier: list(names) for identifier, names in images.items()}
        self.needed_by = needed_by
        self.listings = 0

    def labelled_images(self, *labels: str) -> list[dict[str, object]]:
        self.listings += 1
        return [{"Id": identifier, "RepoTags": names} for identifier, names in self.images.items()]

    def remove_image(self, name: str) -> bool:
        identifier = next((key for key, names in self.images.items() if name in (key, *names)), "")
        if not identifier or self.needed_by.get(identifier) in self.images:
            return False
        self.images[identifier] = [other for other in self.images[identifier] if other != name]
        if not self.images[identifier]:
            del self.images[identifier]
        return True


@pytest.mark.parametrize(
    ("images", "needed_by", "removed", "listings"),
    [
        ({}, {}, [], 1),
        ({"sha256:a": ["mine:latest"]}, {}, ["mine:latest"], 1),
        ({"sha256:a": ["mine:latest"], "sha256:b": []}, {}, ["mine:latest", "sha256:b"], 1),
        # One that another is built on goes in the next round.
        ({"sha256:a": ["base:1"], "sha256:b": ["mine:1"]}, {"sha256:a": "sha256:b"}, ["mine:1", "base:1"], 2),
        ({"sha256:a": ["one:1", "two:1"]}, {}, ["one:1", "two:1"], 2),
        # The API before 1.43 says so of one without a name.
        ({"sha256:a": ["<none>:<none>"]}, {}, ["sha256:a"], 1),
        # What somebody else's image needs stays.
        ({"sha256:a": ["base:1"], "sha256:b": ["mine:1"]}, {"sha256:a": "sha256:a"}, ["mine:1"], 2),
    ],
)
def test_all_that_can_go_goes(images: Listed, needed_by: Mapping[str, str], removed: list[str], listings: int) -> None:
    engine = ListingEngine(images, needed_by)
    assert remove_images(cast(Engine, engine)) == removed
    assert engine.listings == listings


def test_what_was_listed_just_now_is_not_listed_again() -> None:
    engine = ListingEngine({"sha256:a": ["base:1"], "sha256:b": ["mine:1"]}, {"sha256:a": "sha256:b"})
    listed = cast("list[ListedImage]", engine.labelled_images())
    assert remove_images(cast(Engine, engine), listed=listed) == ["mine:1", "base:1"]
    assert engine.listings == 2
    assert remove_images(cast(Engine, engine), listed=[]) == []
    assert engine.listings == 2
