"""The file systems of the engine's images, each layer read once in a process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING

from labkit.archives import ImageTree, TreeEntry, read_tree

if TYPE_CHECKING:
    from labkit.adapters.engine import Engine, InspectedImage

_MOST_TREES, _MOST_LAYERS = 32, 256
_READ: OrderedDict[str, list[TreeEntry]] = OrderedDict()
"""Layers by the digest of what they hold, which is the same whatever image, lesson or lab has them."""


class ImageTrees:
    """Reads images out of the engine; what was read is kept, by the image's id and by its layers' digests.

    Args:
        layers: those that were read before, by their names in an archive (blobs/sha256/...).
    """

    def __init__(self, layers: MutableMapping[str, list[TreeEntry]] | None = None) -> None:
        self._trees: OrderedDict[str, ImageTree] = OrderedDict()
        self._layers = _READ if layers is None else layers

    def of(self, engine: Engine, image: InspectedImage) -> ImageTree:
        """All that an image holds.

        Args:
            engine: has it.
            image: what the engine tells of it; an image of one id never changes.

        Raises:
            LabFailed: there is no such image, or its layers cannot be read.
        """
        if image["Id"] not in self._trees:
            self._trees[image["Id"]] = self._known(diff_ids(image)) or read_tree(
                engine.image_archive(image["Id"]), self._layers
            )
            for kept, most in ((self._trees, _MOST_TREES), (self._layers, _MOST_LAYERS)):
                while len(kept) > most:
                    kept.pop(next(iter(kept)), None)
        return self._trees[image["Id"]]

    def _known(self, digests: Sequence[str]) -> ImageTree | None:
        """An image of which all layers were read with others; that of a layer is of what it holds, uncompressed."""
        names = [f"blobs/{digest.replace(':', '/')}" for digest in digests]
        layers = [self._layers.get(name) for name in names]
        return ImageTree(layer for layer in layers if layer is not None) if names and None not in layers else None


def diff_ids(image: InspectedImage) -> Sequence[str]:
    """The digests of what an image's layers hold, from the bottom."""
    return (image.get("RootFS") or {}).get("Layers") or ()
