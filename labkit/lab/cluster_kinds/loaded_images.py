"""The images in the containerd of kind's node: which of the engine's it has, and loading the others."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping

from labkit.adapters.engine import Engine
from labkit.base.errors import LabFailed
from labkit.base.waiting import watch

_CTR = ("ctr", "--namespace", "k8s.io", "images")
_ID_LABEL = "labkit.image"


class LoadedImages:
    """What the node has of the engine's images.

    An image is known by the engine's id, kept as a label in the node's containerd, because a reference alone does not
    say whether what it names has changed since.

    Args:
        engine: has the images, and runs the node.
        node: the name of the node's container.
    """

    def __init__(self, engine: Engine, node: str) -> None:
        self._engine = engine
        self._node = node

    def wait(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Wait until the node's containerd answers, but no longer than that, or until nobody waits any more.

        Args:
            seconds: the deadline.
            stop: set when nobody waits any more.
        """
        watch(self._answers, bool, seconds, stop=stop)

    def _answers(self) -> bool:
        node = self._engine.container(self._node)
        if node is None or not node.running:
            return False
        try:
            return self._engine.execute(self._node, [*_CTR, "ls", "-q"]).exit_status == 0
        except LabFailed:
            return False

    def missing(self, images: Mapping[str, str]) -> dict[str, str]:
        """Those of some images, reference -> id, that the node does not have."""
        # ctr adds up the size of each image that it lists, and a node that was used for days has more than a thousand.
        named = [f'name=="{reference}"' for reference in images]
        listing = self._engine.execute(self._node, [*_CTR, "ls", *named])
        loaded = parse_loaded(listing.stdout) if listing.exit_status == 0 else {}
        return {reference: image for reference, image in images.items() if loaded.get(reference) != image}

    def load(self, images: Mapping[str, str]) -> None:
        """Load images, reference -> id, whether the node has them or not.

        Raises:
            LabFailed: one could not be loaded.
        """
        with self._engine.meaning(images):
            self._engine.pipe_images(images, ["exec", "--interactive", self._node, *_CTR, "import", "--local", "-"])
        for reference, image in images.items():
            result = self._engine.execute(self._node, [*_CTR, "label", reference, f"{_ID_LABEL}={image}"])
            if result.exit_status != 0:
                raise LabFailed(f"Loading {reference} into the node", result.output.strip(), "try again\n  labkit up")

    def remove(self, references: Collection[str]) -> None:
        """Remove images by name; one that the node does not have is no error.

        What still runs of them goes on: the node's containerd keeps what a container stands on.
        """
        if references:
            self._engine.execute(self._node, [*_CTR, "rm", *sorted(references)])


def parse_loaded(listing: str) -> dict[str, str]:
    """Reference -> engine's id of every image in the output of `ctr images ls` that the kit has loaded."""
    loaded = {}
    for line in listing.splitlines():
        reference, _, columns = line.partition(" ")
        for label in columns.replace(",", " ").split():
            name, _, value = label.partition("=")
            if name == _ID_LABEL:
                loaded[reference] = value
    return loaded
