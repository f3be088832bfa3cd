"""The file systems of the engine's images, each layer read once in a process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.archives import ImageTree, TreeEntry, read_layer_folder, read_tree
from labkit.archives.archive_files import Flaw

if TYPE_CHECKING:
    from labkit.adapters.engine import Engine, InspectedImage

_MOST_TREES, _MOST_LAYERS, _MOST_NEW_LAYERS = 32, 256, 2
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
        # Who asks for an image while it is being read waits for that, and finds what was read with others.
        self._reading = threading.RLock()

    def of(self, engine: Engine, image: InspectedImage) -> ImageTree:
        """All that an image holds.

        Args:
            engine: has it.
            image: what the engine tells of it; an image of one id never changes.

        Raises:
            LabFailed: there is no such image, or its layers cannot be read.
        """
        with self._reading:
            if (known := self.known(image)) is not None:
                return known
            self._read_folders(image)
            if (known := self.known(image)) is not None:
                return known
            return self._keep(image["Id"], read_tree(engine.image_archive(image["Id"]), self._layers))

    def known(self, image: InspectedImage) -> ImageTree | None:
        """All that an image holds, if it or all its layers were read before; None if not."""
        identifier = image["Id"]
        with self._reading:
            if identifier in self._trees:
                return self._trees[identifier]
            tree = self._of_known_layers(diff_ids(image))
            return self._keep(identifier, tree) if tree is not None else None

    def near(self, image: InspectedImage) -> ImageTree | None:
        """All that an image holds, if this machine can read it and all but its last layers were read; None if not."""
        with self._reading:
            if sum(_name(digest) not in self._layers for digest in diff_ids(image)) <= _MOST_NEW_LAYERS:
                self._read_folders(image)
            return self.known(image)

    def _keep(self, identifier: str, tree: ImageTree) -> ImageTree:
        self._trees[identifier] = tree
        for kept, most in ((self._trees, _MOST_TREES), (self._layers, _MOST_LAYERS)):
            while len(kept) > most:
                kept.pop(next(iter(kept)), None)
        return tree

    def _of_known_layers(self, digests: Sequence[str]) -> ImageTree | None:
        """An image of which all layers were read; the digest of a layer is of what it holds, uncompressed."""
        layers = [self._layers.get(_name(digest)) for digest in digests]
        return ImageTree(layer for layer in layers if layer is not None) if layers and None not in layers else None

    def _read_folders(self, image: InspectedImage) -> None:
        """Read the layers where the engine has them, if this machine is its own and lets us.

        An engine saves an image whole: half a second for a hundred megabytes, even if one small layer is new.
        """
        folders = layer_folders(image)
        try:
            for digest, folder in zip(diff_ids(image), folders, strict=True) if folders else ():
                if _name(digest) not in self._layers:
                    self._layers[_name(digest)] = read_layer_folder(folder)
        except (OSError, Flaw):
            return


def _name(digest: str) -> str:
    """A layer's name in an archive."""
    return f"blobs/{digest.replace(':', '/')}"


def layer_folders(image: InspectedImage) -> Sequence[Path]:
    """Where the engine's overlay store has the layers of an image, from the bottom; empty where that is not told.

    (moby/moby:daemon/graphdriver/overlay2/overlay.go, GetMetadata)
    """
    driver = image.get("GraphDriver")
    data = (driver.get("Data") if driver is not None and driver.get("Name") == "overlay2" else None) or {}
    folders = [data.get("UpperDir", ""), *filter(None, data.get("LowerDir", "").split(":"))]
    is_whole = all(folders) and len(folders) == len(diff_ids(image))
    return [Path(folder) for folder in reversed(folders)] if is_whole else []


def diff_ids(image: InspectedImage) -> Sequence[str]:
    """The digests of what an image's layers hold, from the bottom."""
    return (image.get("RootFS") or {}).get("Layers") or ()
