"""kind's network in the engine: all clusters of kind's share it, whoever made them, and nobody removes it but us."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
from dataclasses import dataclass

from labkit.adapters.engine import Engine
from labkit.base.configuration import LABEL
from labkit.base.errors import LabFailed


@dataclass(frozen=True)
class NodeNetwork:
    """The network that kind puts nodes into.

    kind gives it no label, so the lab makes it, as kind would: its label says whose it is, also to a lab whose files
    are gone.

    Args:
        engine: where it is.
    """

    engine: Engine

    @property
    def name(self) -> str:
        """As kind names it; its own variable may say otherwise."""
        # kubernetes-sigs/kind:pkg/cluster/internal/providers/{docker,podman}/provider.go
        return os.environ.get(f"KIND_EXPERIMENTAL_{self.engine.client.upper()}_NETWORK") or "kind"

    def before_create(self) -> None:
        """Make it, if it is not there."""
        if self.engine.network_labels(self.name) is None:
            # kind tries after us, and knows what to do without IPv6; what it makes stays, and costs nothing.
            with contextlib.suppress(LabFailed):
                self.engine.make_network(self.name, ipv6_subnet(self.name))

    def remove(self) -> None:
        """Remove it, if a lab made it and no container, be it stopped, is of it: the next cluster gets it anew."""
        labels = self.engine.network_labels(self.name)
        if labels is not None and LABEL in labels and not self.engine.containers_in(self.name):
            with contextlib.suppress(LabFailed):  # Somebody's container came into it just now.
                self.engine.remove_network(self.name)


def ipv6_subnet(network: str) -> str:
    """The IPv6 addresses that kind tries first for a network.

    kubernetes-sigs/kind:pkg/cluster/internal/providers/docker/network.go (generateULASubnetFromName).
    """
    attempt = bytes(4)
    digest = hashlib.sha1(network.encode() + attempt, usedforsecurity=False).digest()
    return str(ipaddress.IPv6Network((b"\xfc\x00" + digest[2:8] + bytes(8), 64)))
