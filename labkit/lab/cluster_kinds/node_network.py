"""kind's network in the engine: all clusters of kind's share it, whoever made them, and nobody removes it but us."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from labkit.adapters.engine import Engine
from labkit.base.errors import LabFailed
from labkit.base.files import write_atomically


@dataclass(frozen=True)
class NodeNetwork:
    """The network that kind puts nodes into; it has no label, so the lab writes down that it made it.

    Args:
        engine: where it is.
        record: the file where that is written down.
    """

    engine: Engine
    record: Path

    @property
    def name(self) -> str:
        # kubernetes-sigs/kind:pkg/cluster/internal/providers/{docker,podman}/provider.go
        return os.environ.get(f"KIND_EXPERIMENTAL_{self.engine.client.upper()}_NETWORK") or "kind"

    def before_create(self) -> None:
        """Write down that kind is about to make the network, if it is not there."""
        if not self.engine.has_network(self.name):
            with contextlib.suppress(LabFailed):  # Then it stays, and costs nothing.
                write_atomically(self.record, f"{self.name}\n")

    def remove(self) -> None:
        """Remove it, if the lab made it and no container, be it stopped, is of it: kind makes it anew for the next."""
        if self.record.is_file() and not self.engine.containers_in(self.name):
            with contextlib.suppress(LabFailed):  # Somebody's container came into it just now.
                self.engine.remove_network(self.name)
