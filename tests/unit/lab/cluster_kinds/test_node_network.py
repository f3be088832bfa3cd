"""kind's network goes with the lab that made it, unless somebody else's cluster is in it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from labkit.adapters.engine import Engine
from labkit.lab.cluster_kinds.node_network import NodeNetwork


class PaperNetworks:
    """An engine that has networks, and containers in them."""

    def __init__(self, client: str = "docker", **networks: list[str]) -> None:
        self.client = client
        self.networks = networks

    def has_network(self, network: str) -> bool:
        return network in self.networks

    def containers_in(self, network: str) -> list[str]:
        return self.networks.get(network, [])

    def remove_network(self, network: str) -> None:
        self.networks.pop(network, None)


def _network(engine: PaperNetworks, folder: Path) -> NodeNetwork:
    return NodeNetwork(cast(Engine, engine), folder / "node-network")


def test_the_one_that_the_lab_made_goes(tmp_path: Path) -> None:
    engine = PaperNetworks()
    network = _network(engine, tmp_path)
    network.before_create()
    engine.networks["kind"] = []
    network.remove()
    assert engine.networks == {}


def test_one_that_was_there_stays(tmp_path: Path) -> None:
    engine = PaperNetworks(kind=[])
    network = _network(engine, tmp_path)
    network.before_create()
    network.remove()
    assert engine.networks == {"kind": []}


def test_one_in_which_somebodys_stopped_node_is_stays(tmp_path: Path) -> None:
    engine = PaperNetworks()
    network = _network(engine, tmp_path)
    network.before_create()
    engine.networks["kind"] = ["somebodys"]
    network.remove()
    assert engine.networks == {"kind": ["somebodys"]}


def test_another_name_of_kinds_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_DOCKER_NETWORK", "ours")
    assert _network(PaperNetworks("podman"), tmp_path).name == "kind"
    assert _network(PaperNetworks(), tmp_path).name == "ours"
