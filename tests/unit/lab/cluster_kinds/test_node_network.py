"""kind's network goes with the lab that made it, unless somebody else's cluster is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest

from labkit.adapters.engine import Engine
from labkit.base.configuration import LABEL
from labkit.base.errors import LabFailed
from labkit.lab.cluster_kinds.node_network import NodeNetwork, ipv6_subnet


class PaperNetworks:
    """An engine that has networks with labels, and containers in them."""

    def __init__(self, client: str = "docker", *, has_ipv6: bool = True) -> None:
        self.client = client
        self.has_ipv6 = has_ipv6
        self.networks: dict[str, Mapping[str, str]] = {}
        self.containers: list[str] = []

    def network_labels(self, network: str) -> Mapping[str, str] | None:
        return self.networks.get(network)

    def make_network(self, network: str, ipv6_subnet: str) -> None:
        if not self.has_ipv6:
            raise LabFailed("Making the network", "Cannot read IPv6 setup for bridge", "look")
        self.networks[network] = {LABEL: "labkit"}

    def containers_in(self, network: str) -> list[str]:
        return self.containers

    def remove_network(self, network: str) -> None:
        self.networks.pop(network, None)


def _network(engine: PaperNetworks) -> NodeNetwork:
    return NodeNetwork(cast(Engine, engine))


def test_the_one_that_the_lab_made_goes() -> None:
    engine = PaperNetworks()
    _network(engine).before_create()
    assert engine.networks == {"kind": {LABEL: "labkit"}}
    _network(engine).remove()
    assert engine.networks == {}


def test_one_that_was_there_stays_as_it_is() -> None:
    engine = PaperNetworks()
    engine.networks["kind"] = {}
    _network(engine).before_create()
    _network(engine).remove()
    assert engine.networks == {"kind": {}}


def test_one_in_which_somebodys_stopped_node_is_stays() -> None:
    engine = PaperNetworks()
    _network(engine).before_create()
    engine.containers = ["somebodys"]
    _network(engine).remove()
    assert "kind" in engine.networks


def test_it_goes_with_the_last_lab_whichever_made_it() -> None:
    engine = PaperNetworks()
    engine.networks["kind"] = {LABEL: "another"}
    _network(engine).remove()
    assert engine.networks == {}


def test_what_the_engine_does_not_make_is_left_to_kind() -> None:
    engine = PaperNetworks(has_ipv6=False)
    _network(engine).before_create()
    assert engine.networks == {}
    _network(engine).remove()


def test_another_name_of_kinds_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_DOCKER_NETWORK", "ours")
    assert _network(PaperNetworks("podman")).name == "kind"
    assert _network(PaperNetworks()).name == "ours"


def test_the_addresses_are_those_that_kind_gives() -> None:
    """As a network that kind alone made has them."""
    assert ipv6_subnet("kind") == "fc00:f853:ccd:e793::/64"
