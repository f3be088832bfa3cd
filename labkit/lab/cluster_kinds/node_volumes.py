"""The volumes of kind's nodes: they have neither name nor label, so the lab writes down which are its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labkit.adapters.engine import Engine
from labkit.base.files import read_own, write_atomically


@dataclass(frozen=True)
class NodeVolumes:
    """The volumes of a node, and of those before it.

    Args:
        engine: where they are.
        node: the container that uses them.
        record: the file where they are written down.
    """

    engine: Engine
    node: str
    record: Path

    def abandoned(self) -> list[str]:
        """Those of former nodes that are still there: `docker rm` without `--volumes` leaves them."""
        recorded = (read_own(self.record) or "").split()
        if not recorded:
            return []
        in_use = self.engine.volumes_of(self.node)
        return [volume for volume in recorded if volume not in in_use and self.engine.has_volume(volume)]

    def write_down(self) -> None:
        """Write down those of the node, beside the abandoned ones."""
        volumes = [*self.abandoned(), *self.engine.volumes_of(self.node)]
        write_atomically(self.record, "\n".join(volumes) + "\n")

    def remove_abandoned(self) -> None:
        """Remove those of former nodes."""
        for volume in self.abandoned():
            self.engine.remove_volume(volume)
