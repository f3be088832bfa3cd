"""What is done with networks and volumes."""

from __future__ import annotations

import contextlib

from docker.errors import NotFound

from labkit.adapters.engine.engine_connection import EngineConnection
from labkit.adapters.engine.engine_errors import doing, exists, removed
from labkit.adapters.engine_answers import InspectedContainer


class EngineVolumes(EngineConnection):
    """The networks and volumes beside containers."""

    def labelled_networks(self) -> list[str]:
        """The names of the networks that carry this lab's label."""
        return self._labelled("networks", lambda filters: self._api.networks(filters=filters))

    def labelled_volumes(self) -> list[str]:
        """The names of the volumes that carry this lab's label."""
        return self._labelled("volumes", lambda filters: self._api.volumes(filters=filters)["Volumes"] or [])

    def has_network(self, network: str) -> bool:
        """Whether there is a network of that name."""
        with doing(f"Looking for network {network}"):
            return exists(lambda: self._api.inspect_network(network))

    def containers_in(self, network: str) -> list[str]:
        """The ids of a network's containers, also of those that have stopped."""
        with doing(f"Looking for the containers of network {network}"):
            return [container["Id"] for container in self._api.containers(all=True, filters={"network": network})]

    def remove_network(self, network: str) -> None:
        """Remove a network."""
        with doing(f"Removing network {network}"), contextlib.suppress(NotFound):
            self._api.remove_network(network)

    def volumes_of(self, container: str) -> list[str]:
        """The names of the volumes that a container has; none if there is no such container."""
        with doing(f"Looking for container {container}"):
            try:
                inspected: InspectedContainer = self._api.inspect_container(container)
            except NotFound:
                return []
        return [mount["Name"] for mount in inspected["Mounts"] if mount.get("Type") == "volume"]

    def has_volume(self, volume: str) -> bool:
        """Whether there is a volume of that name."""
        with doing(f"Looking for volume {volume}"):
            return exists(lambda: self._api.inspect_volume(volume))

    def remove_volume(self, volume: str) -> bool:
        """Remove a volume; False if it does not exist, or if a container has it."""
        with doing(f"Removing volume {volume}"):
            return removed(lambda: self._api.remove_volume(volume))
