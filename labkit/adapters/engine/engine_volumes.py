"""What is done with networks and volumes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from docker.errors import NotFound
from docker.types import IPAMConfig, IPAMPool

from labkit.adapters.engine.engine_connection import EngineConnection
from labkit.adapters.engine.engine_errors import doing, exists, removed
from labkit.adapters.engine_answers import InspectedContainer

_MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
_MTU = "com.docker.network.driver.mtu"


class EngineVolumes(EngineConnection):
    """The networks and volumes beside containers."""

    def labelled_networks(self) -> list[str]:
        """The names of the networks that carry this lab's label."""
        return self._labelled("networks", lambda filters: self._api.networks(filters=filters))

    def labelled_volumes(self) -> list[str]:
        """The names of the volumes that carry this lab's label."""
        return self._labelled("volumes", lambda filters: self._api.volumes(filters=filters)["Volumes"] or [])

    def network_labels(self, network: str) -> Mapping[str, str] | None:
        """The labels of the network of that name; None if there is none."""
        with doing(f"Looking for network {network}"):
            try:
                return self._api.inspect_network(network).get("Labels") or {}
            except NotFound:
                return None

    def make_network(self, network: str, ipv6_subnet: str) -> None:
        """Make a bridge with the lab's labels, IPv4 addresses of the engine's choice, and these of IPv6.

        Docker is given the options that kind gives it (kubernetes-sigs/kind:pkg/cluster/internal/providers/docker/
        network.go, createNetwork); podman has none of them.
        """
        pool = IPAMPool(subnet=ipv6_subnet)
        with doing(f"Making network {network}"):
            self._api.create_network(
                network,
                driver="bridge",
                options=None if self.is_podman else {_MASQUERADE: "true", **self._default_mtu()},
                ipam=IPAMConfig(pool_configs=[pool]),
                enable_ipv6=True,
                labels=self._configuration.labels,
            )

    def _default_mtu(self) -> dict[str, str]:
        options = self._api.inspect_network("bridge").get("Options") or {}
        return {_MTU: options[_MTU]} if _MTU in options else {}

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
