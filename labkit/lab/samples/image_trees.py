"""The file systems of the engine's images, each read once."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from labkit.archives import ImageTree, TreeEntry, read_tree

if TYPE_CHECKING:
    from labkit.adapters.engine import Engine

_MOST = 32


class ImageTrees:
    """Reads images out of the engine; what was read is kept, by the image's id and by its layers' digests."""

    def __init__(self) -> None:
        self._trees: OrderedDict[str, ImageTree] = OrderedDict()
        self._layers: dict[str, list[TreeEntry]] = {}

    def of(self, engine: Engine, image: str) -> ImageTree:
        """All that an image holds.

        Args:
            engine: has it.
            image: its id; an image with that id never changes.

        Raises:
            LabFailed: there is no such image, or its layers cannot be read.
        """
        if image not in self._trees:
            self._trees[image] = read_tree(engine.image_archive(image), self._layers)
            while len(self._trees) > _MOST:
                self._trees.popitem(last=False)
        return self._trees[image]
